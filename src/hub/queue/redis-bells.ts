import { Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Log } from '../database/log.ts'
import type { Bells } from './bells.ts'
import { type Lane, queueLimits, queueNameOf } from './limits.ts'
import { closableWorker, within, workerOptions, workJob } from './work-jobs.ts'

/** In braces, so that all of a queue's keys lie in one slot of a cluster. */
const prefix = '{shuqiao}'

/** The queue on Redis, whose client is loaded only where it is used. Ringing gives up at once while Redis is away; workers wait for it. */
export function openRedisBells(url: string, log: Log): Bells {
  const connections: Promise<Redis>[] = []
  const queues = new Map<Lane, Queue>()
  let ringing: Promise<Redis> | undefined
  const connect = (options: {
    maxRetriesPerRequest: number | null
    enableOfflineQueue: boolean
  }): Promise<Redis> => {
    const redis = openRedis(url, options)
    connections.push(redis)
    return redis
  }
  return {
    queue: async (lane) => {
      ringing ??= connect({ maxRetriesPerRequest: 1, enableOfflineQueue: true })
      const connection = await ringing
      const known = queues.get(lane)
      if (known) return known
      const queue = new Queue(queueNameOf(lane), {
        connection,
        prefix,
        skipMetasUpdate: true,
        skipWaitingForReady: true,
      })
      queue.on('error', () => undefined)
      queues.set(lane, queue)
      return queue
    },
    answer: async (lane, concurrency, answering) => {
      const connection = await connect({ maxRetriesPerRequest: null, enableOfflineQueue: true })
      const options = { ...workerOptions(concurrency), connection, prefix }
      return closableWorker(new Worker(queueNameOf(lane), workJob(lane, answering), options), log)
    },
    // The connection mends itself, but a queue that was opened while Redis was away stays broken.
    forget: () => {
      for (const queue of queues.values()) void queue.close().catch(() => undefined)
      queues.clear()
    },
    close: async () => {
      await within(
        Promise.all([...queues.values()].map((queue) => queue.close())).then(() => undefined),
        queueLimits.closeMsMax,
      )
      for (const redis of connections) (await redis).disconnect()
    },
  }
}

async function openRedis(
  url: string,
  options: { maxRetriesPerRequest: number | null; enableOfflineQueue: boolean },
): Promise<Redis> {
  const { Redis } = await import('ioredis')
  const retryStrategy = (times: number): number => Math.min(times * 200, 2000)
  const redis = new Redis(url, { ...options, retryStrategy, connectTimeout: 5000 })
  redis.on('error', () => undefined)
  return redis
}
