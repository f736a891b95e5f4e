import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StartRefusal } from '../start-refusal.ts'

export interface FolderLock {
  release(): Promise<void>
}

/**
 * Holds a data folder for this process. The lock is a listening local socket named after the folder:
 * the kernel takes it away with the process, so kill -9 leaves nothing stale, and binding it is atomic,
 * so two starts cannot both win. Whoever connects is told the holder's process id.
 * Refuses with `StartRefusal` while another process (or this one) holds the folder.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const name = socketName(realpathSync(folder))
  const server = await listenOrFindHolder(name)
  if (typeof server === 'string') throw folderInUse(folder, server)
  server.unref()
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

/** Linux has sockets without a file; elsewhere a file in the temporary folder stands for the name. */
function socketName(folder: string): string {
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 32)
  if (process.platform === 'linux') return `\0shuqiao-${digest}`
  return join(tmpdir(), `shuqiao-${digest}.sock`)
}

async function listenOrFindHolder(name: string): Promise<Server | string> {
  const first = await listen(name)
  if (first) return first
  const holder = await askHolder(name)
  if (holder !== undefined) return holder
  // Nobody answers: a socket file was left by a dead process, or the holder has just gone.
  if (!name.startsWith('\0')) rmSync(name, { force: true })
  return (await listen(name)) ?? '?'
}

function listen(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((caller) => caller.end(String(process.pid)))
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen({ path: name }, () => resolve(server))
  })
}

/** The holder's process id, or `?` where it is too busy to answer, or nothing where nobody listens. */
function askHolder(name: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = ''
    const caller = connect({ path: name })
    caller.setTimeout(1000, () => caller.destroy())
    caller.on('data', (part) => (answer += part.toString('utf8')))
    caller.on('error', () => resolve(undefined))
    caller.on('close', () => resolve(answer || '?'))
  })
}

function folderInUse(folder: string, holder: string): StartRefusal {
  return new StartRefusal(
    `数据目录 ${folder} 正被另一个数桥进程使用(进程号 ${holder})。请先停止它,或用 SHUQIAO_DATA_DIR 指定另一个目录。` +
      ` / Data folder ${folder} is in use by another Shuqiao process (pid ${holder}). ` +
      'Stop it first, or name another folder in SHUQIAO_DATA_DIR.',
  )
}
