import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'

/** A Redis of one's own, that keeps nothing on disk: what it forgets, the hub must not miss. */
export interface RedisProcess {
  url: string
  /** Forgets everything, dies, and comes back empty on the same port. */
  loseEverything(): Promise<void>
  stop(): Promise<void>
}

export async function redisProcess(): Promise<RedisProcess> {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child = await start(port, url)
  return {
    url,
    loseEverything: async () => {
      await ask(url, (redis) => redis.flushall())
      await end(child)
      child = await start(port, url)
    },
    stop: () => end(child),
  }
}

async function start(port: number, url: string): Promise<ChildProcess> {
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', settings, { stdio: 'ignore' })
  child.on('error', () => undefined)
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    if (await ask(url, (redis) => redis.ping()).catch(() => null)) return child
    await sleep(50)
  }
  throw new Error('redis-server 没有启动,请先安装 / redis-server did not start; install it first')
}

async function ask<T>(url: string, question: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    return await question(redis)
  } finally {
    redis.disconnect()
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((exited) => child.once('exit', exited))
  child.kill('SIGKILL')
  await ended
}
