import { posix } from 'node:path'
import { Readable } from 'node:stream'
import type SftpClient from 'ssh2-sftp-client'
import type { SftpSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ConnectorContext } from '../contract.ts'
import {
  byName,
  type FileStamp,
  type FolderStore,
  splitGlob,
  type StoredFile,
} from '../file/folder-store.ts'
import { readAhead } from './read-ahead.ts'
import { openSftpSession, readSftpUrl, sftpUnreachable, type SftpSession } from './sftp-session.ts'

/** Folders that one pattern may lead through. */
const foldersMax = 10_000

/** Files of an SFTP server; the connection is made with the first call and kept. */
export function remoteStore(
  settings: SftpSettings,
  { signal }: Pick<ConnectorContext, 'signal'>,
): FolderStore {
  let opening: Promise<SftpSession> | null = null
  const close = async (): Promise<void> => {
    const session = await opening?.catch(() => null)
    opening = null
    await session?.client.end().catch(() => undefined)
  }
  const open = async (): Promise<SftpSession> => {
    signal?.throwIfAborted()
    if (opening === null) signal?.addEventListener('abort', () => void close(), { once: true })
    opening ??= openSftpSession(settings)
    return opening
  }
  const reach = async <T>(work: (client: SftpClient) => Promise<T>): Promise<T> => {
    const { client } = await open()
    try {
      return await work(client)
    } catch (error) {
      signal?.throwIfAborted()
      throw error instanceof Refusal ? error : sftpUnreachable(error)
    }
  }
  const { home } = readSftpUrl(settings.url)
  return {
    hasOwnClock: false,
    resolve: async (setting) => placeOf(home, setting),
    find: (glob) => reach((client) => findFiles(client, glob, home)),
    stat: (path) => reach((client) => stampOf(client, path)),
    read: (path, from, to) => readBytes({ open, signal }, path, [from, to]),
    write: (path, pieces) => reach((client) => writeWhole(client, path, pieces)),
    move: (from, to) =>
      reach(async (client) => {
        await makeFolder(client, posix.dirname(to))
        // SFTP's rename refuses a name that is taken (draft-ietf-secsh-filexfer-02 §6.5).
        await client.rename(from, to)
      }),
    remove: (path) =>
      reach(async (client) => {
        await client.delete(path, true)
      }),
    makeFolder: (path) => reach((client) => makeFolder(client, path)),
    close,
  }
}

/** Without a folder in the URL, relative paths are left relative: the server knows the account's folder. */
const isBelowHome = (home: string, setting: string): number =>
  home === '' && !setting.startsWith('/') ? 1 : 0

const placeOf = (home: string, path: string): string =>
  posix.resolve('/', home, path).slice(isBelowHome(home, path)) || '.'

async function findFiles(client: SftpClient, glob: string, home: string): Promise<StoredFile[]> {
  const { base, pattern } = splitGlob(glob)
  const segments = pattern.split('/')
  if (segments.includes('..') || segments.includes('**')) throw notMatched(glob)
  const root = placeOf(home, base === '' ? '.' : base)
  let folders = [root]
  for (const segment of segments.slice(0, -1)) {
    const found = await Promise.all(folders.map((path) => entriesOf(client, path)))
    folders = found
      .flat()
      .filter(({ type, name }) => type === 'd' && posix.matchesGlob(name, segment))
      .map(({ path }) => path)
    if (folders.length > foldersMax) throw notMatched(glob)
  }
  const files: StoredFile[] = []
  for (const folder of folders) {
    for (const entry of await entriesOf(client, folder)) {
      if (entry.type === 'd' || !posix.matchesGlob(entry.name, segments.at(-1) ?? '*')) continue
      // What a name is, servers tell in a line for people only; one that is no plain file there is asked about.
      const stamp = await stampOf(client, entry.path)
      const name = posix.relative(root, entry.path)
      if (stamp) files.push({ ...stamp, path: entry.path, name })
    }
  }
  return files.toSorted(byName)
}

async function entriesOf(
  client: SftpClient,
  folder: string,
): Promise<(SftpClient.FileInfo & { path: string })[]> {
  const entries = await client.list(folder)
  return entries.map((entry) => ({ ...entry, path: posix.join(folder, entry.name) }))
}

async function stampOf(client: SftpClient, path: string): Promise<FileStamp | null> {
  try {
    const { isFile, size, modifyTime: modifiedAtMs } = await client.stat(path)
    return isFile ? { size, modifiedAtMs } : null
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 2)

interface Line {
  open(): Promise<SftpSession>
  signal: AbortSignal | undefined
}

/** Bytes as they come, some requests ahead of the reader at most; a line that breaks ends in a refusal. */
async function* readBytes(
  { open, signal }: Line,
  path: string,
  [from, to]: [number, number],
): AsyncGenerator<Uint8Array> {
  if (to <= from) return
  const { wire } = await open()
  try {
    yield* readAhead(wire, path, [from, to])
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof Refusal ? error : sftpUnreachable(error)
  }
}

async function makeFolder(client: SftpClient, path: string): Promise<void> {
  if (path === '.' || path === '/' || (await client.exists(path)) === 'd') return
  await makeFolder(client, posix.dirname(path))
  await client.mkdir(path)
}

async function writeWhole(
  client: SftpClient,
  path: string,
  pieces: AsyncIterable<string>,
): Promise<void> {
  const staging = `${path}.part`
  await client.put(Readable.from(pieces, { objectMode: false }), staging)
  await client.delete(path, true)
  await client.rename(staging, path)
}

const notMatched = (glob: string): Refusal =>
  new Refusal(
    'request-invalid',
    `匹配式“${glob}”过宽:SFTP 不支持 ** 与 .. / The pattern “${glob}” is too wide: over SFTP neither ** nor .. can be used`,
  )
