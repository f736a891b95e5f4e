import { generateKeyPairSync } from 'node:crypto'
import { constants } from 'node:fs'
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { posix } from 'node:path'
import ssh2, { type Attributes, type Connection, type SFTPWrapper } from 'ssh2'
import { fingerprintOf } from '../../../src/connectors/sftp/sftp-session.ts'

const { Server, utils } = ssh2
const { STATUS_CODE, OPEN_MODE } = utils.sftp

export interface SftpServer {
  port: number
  /** `SHA256:…` of the server's key. */
  hostKey: string
  user: string
  password: string
  /** The address without its path. */
  url: string
  /** Bytes that have been read from files. */
  readonly readBytes: number
  /** Cuts all connections once so many bytes more have been read from files; null: never. */
  cutAfterBytes(count: number | null): void
  close(): Promise<void>
}

/** A real SFTP server over a folder, with a host key of its own; every path leads below the folder. */
export async function startSftpServer(folder: string, clientKey?: string): Promise<SftpServer> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  const parsed = utils.parseKey(privateKey)
  if (parsed instanceof Error) throw parsed
  const allowed = clientKey === undefined ? null : utils.parseKey(clientKey)
  const [user, password] = ['子系统', 'geheim/@:1']
  const state = { readBytes: 0, cutAt: null as number | null }
  const connections = new Set<Connection>()
  const cut = (): void => {
    for (const connection of connections) connection.end()
  }
  const server = new Server({ hostKeys: [privateKey] }, (connection) => {
    connections.add(connection)
    connection.on('error', () => undefined)
    connection.on('close', () => connections.delete(connection))
    connection.on('authentication', (asked) => {
      const isPassword = asked.method === 'password' && asked.password === password
      const isKey =
        asked.method === 'publickey' &&
        allowed !== null &&
        !(allowed instanceof Error) &&
        asked.key.data.equals(allowed.getPublicSSH())
      if (asked.username === user && (isPassword || isKey)) asked.accept()
      else asked.reject()
    })
    connection.on('ready', () =>
      connection.on('session', (accept) => {
        accept().on('sftp', (acceptSftp) => {
          const read = (count: number): void => {
            state.readBytes += count
            if (state.cutAt !== null && state.readBytes >= state.cutAt) cut()
          }
          serve(acceptSftp(), folder, read)
        })
      }),
    )
  })
  // Small answers must not wait for the acknowledgement of the one before (Nagle), as with OpenSSH.
  const listener = createServer({ noDelay: true }, (socket) => server.injectSocket(socket))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  const url = `sftp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}`
  return {
    port,
    hostKey: fingerprintOf(parsed.getPublicSSH()),
    user,
    password,
    url,
    get readBytes() {
      return state.readBytes
    },
    cutAfterBytes(count) {
      state.cutAt = count === null ? null : state.readBytes + count
    },
    close: () =>
      new Promise((resolve) => {
        cut()
        listener.close(() => resolve())
      }),
  }
}

interface OpenFolder {
  names: string[]
  path: string
}

function serve(sftp: SFTPWrapper, root: string, onRead: (count: number) => void): void {
  const handles = new Map<number, FileHandle | OpenFolder>()
  let lastHandle = 0
  const keep = (id: number, opened: FileHandle | OpenFolder): void => {
    lastHandle += 1
    handles.set(lastHandle, opened)
    const handle = Buffer.alloc(4)
    handle.writeUInt32BE(lastHandle)
    sftp.handle(id, handle)
  }
  const at = (path: string): string => posix.join(root, posix.resolve('/', path))
  const run = (id: number, work: () => Promise<void>): void => {
    work().catch((error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT'
      sftp.status(id, isMissing ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE)
    })
  }
  const done = (id: number, work: () => Promise<unknown>): void =>
    run(id, async () => {
      await work()
      sftp.status(id, STATUS_CODE.OK)
    })
  const fileOf = (handle: Buffer): FileHandle => {
    const found = handles.get(handle.readUInt32BE(0))
    if (!found || 'names' in found) throw new Error('no such handle')
    return found
  }
  sftp.on('OPEN', (id, path, flags) =>
    run(id, async () => {
      const isWriting = (flags & OPEN_MODE.WRITE) !== 0
      keep(id, await open(at(path), isWriting ? 'w' : 'r'))
    }),
  )
  sftp.on('READ', (id, handle, offset, length) =>
    run(id, async () => {
      const { bytesRead, buffer } = await fileOf(handle).read(
        Buffer.alloc(length),
        0,
        length,
        offset,
      )
      onRead(bytesRead)
      if (bytesRead === 0) sftp.status(id, STATUS_CODE.EOF)
      else sftp.data(id, buffer.subarray(0, bytesRead))
    }),
  )
  sftp.on('WRITE', (id, handle, offset, data) =>
    done(id, () => fileOf(handle).write(data, 0, data.length, offset)),
  )
  sftp.on('CLOSE', (id, handle) =>
    done(id, async () => {
      const found = handles.get(handle.readUInt32BE(0))
      if (found && !('names' in found)) await found.close()
      handles.delete(handle.readUInt32BE(0))
    }),
  )
  sftp.on('OPENDIR', (id, path) =>
    run(id, async () => keep(id, { names: await readdir(at(path)), path: at(path) })),
  )
  sftp.on('READDIR', (id, handle) =>
    run(id, async () => {
      const found = handles.get(handle.readUInt32BE(0))
      if (!found || !('names' in found) || found.names.length === 0) {
        sftp.status(id, STATUS_CODE.EOF)
        return
      }
      const folder = found.path
      const names = found.names.splice(0, 100)
      const entries = await Promise.all(
        names.map(async (filename) => {
          const found = await lstat(posix.join(folder, filename))
          const kind = found.isDirectory() ? 'd' : '-'
          const longname = `${kind}rw-r--r-- 1 owner group ${found.size} Nov 22 08:00 ${filename}`
          return { filename, longname, attrs: attributes(found) }
        }),
      )
      sftp.name(id, entries)
    }),
  )
  for (const event of ['STAT', 'LSTAT'] as const) {
    const onStat = (id: number, path: string): void =>
      run(id, async () => sftp.attrs(id, attributes(await stat(at(path)))))
    if (event === 'STAT') sftp.on('STAT', onStat)
    else sftp.on('LSTAT', onStat)
  }
  sftp.on('FSTAT', (id, handle) =>
    run(id, async () => sftp.attrs(id, attributes(await fileOf(handle).stat()))),
  )
  for (const event of ['SETSTAT', 'FSETSTAT'] as const) {
    const onSet = (id: number): void => sftp.status(id, STATUS_CODE.OK)
    if (event === 'SETSTAT') sftp.on('SETSTAT', onSet)
    else sftp.on('FSETSTAT', onSet)
  }
  sftp.on('MKDIR', (id, path) => done(id, () => mkdir(at(path))))
  sftp.on('RMDIR', (id, path) => done(id, () => rmdir(at(path))))
  sftp.on('REMOVE', (id, path) => done(id, () => unlink(at(path))))
  sftp.on('RENAME', (id, from, to) =>
    done(id, async () => {
      const isTaken = await stat(at(to)).then(
        () => true,
        () => false,
      )
      if (isTaken) throw new Error('taken')
      await rename(at(from), at(to))
    }),
  )
  sftp.on('REALPATH', (id, path) => {
    const filename = posix.resolve('/', path)
    sftp.name(id, [{ filename, longname: filename, attrs: {} as Attributes }])
  })
}

const attributes = ({
  mode,
  size,
  atimeMs,
  mtimeMs,
}: Awaited<ReturnType<typeof stat>>): Attributes => ({
  mode: Number(mode) | (mode === 0 ? constants.S_IFREG : 0),
  uid: 0,
  gid: 0,
  size: Number(size),
  atime: Math.floor(Number(atimeMs) / 1000),
  mtime: Math.floor(Number(mtimeMs) / 1000),
})
