import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from '../../../scripts/soak/free-port.ts'

export interface TestRedis {
  url: string
  /** Everything is forgotten, as after `FLUSHALL`. */
  flush(): Promise<void>
  /** Gone until `start`. */
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

/** Null: it is installed. Else what is missing and how to get it, in one line. */
export const redisMissing = (): string | null =>
  spawnSync('redis-server', ['--version']).status === 0
    ? null
    : 'redis-server is not installed: apt-get install redis-server (or brew install redis)'

/** A Redis of one's own on a free port, which keeps nothing on disk. */
export async function startRedis(): Promise<TestRedis> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'shuqiao-redis-'))
  const url = `redis://127.0.0.1:${port}`
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    child = spawn('redis-server', [...args, '--appendonly', 'no'], { stdio: 'ignore' })
    await withClient(url, (client) => client.ping())
  }
  const stop = async (): Promise<void> => {
    const stopping = child
    child = undefined
    if (!stopping || stopping.exitCode !== null) return
    const exited = new Promise((resolve) => stopping.once('exit', resolve))
    stopping.kill('SIGKILL')
    await exited
  }
  await start()
  return {
    url,
    start,
    stop,
    flush: () => withClient(url, async (client) => void (await client.flushall())),
    close: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A command once the server answers. */
async function withClient<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return await work(client)
    } catch (error) {
      if (attempt === 1000) throw error
      await sleep(50)
    } finally {
      client.disconnect()
    }
  }
}
