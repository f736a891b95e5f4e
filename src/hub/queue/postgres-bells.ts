import {
  createPostgresBackend,
  type PostgresConnection,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  Queue,
  Worker,
} from 'bullmq'
import { Pool } from 'pg'
import { clientSettings } from '../database/clients.ts'
import type { Log } from '../database/log.ts'
import type { Bells } from './bells.ts'
import { type Lane, queueLimits, queueNameOf } from './limits.ts'
import { queueSchema } from '../database/queue-schema.ts'
import { closableWorker, within, workerOptions, workJob } from './work-jobs.ts'

type PostgresQueue = Queue<
  unknown,
  unknown,
  string,
  unknown,
  unknown,
  string,
  PostgresQueueBackend,
  PostgresConnectionOptions
>

/** The queue in the hub's own database, over a pool of its own whose search path finds BullMQ's functions. */
export function openPostgresBells({ directUrl, log }: { directUrl: string; log: Log }): Bells {
  let pool: Pool | undefined
  const queues = new Map<Lane, PostgresQueue>()
  const connect = (): QueuePool => {
    pool ??= openQueuePool(directUrl, log)
    if (!isQueuePool(pool)) throw new Error('The pool is not what BullMQ takes')
    return pool
  }
  const forget = (): void => {
    for (const queue of queues.values()) void queue.close().catch(() => undefined)
    queues.clear()
  }
  return {
    queue: async (lane) => {
      const known = queues.get(lane)
      if (known) return asQueue(known)
      const connection = connect()
      const queue: PostgresQueue = new Queue(
        queueNameOf(lane),
        { connection, skipMetasUpdate: true },
        createPostgresBackend,
      )
      queue.on('error', () => undefined)
      queues.set(lane, queue)
      return asQueue(queue)
    },
    answer: async (lane, concurrency, answering) => {
      const connection = connect()
      // A worker whose first connection fails stays silent for ever: better that the hub does not start.
      await connection.query('select 1')
      const options = { ...workerOptions(concurrency), connection }
      const work = workJob(lane, answering)
      return closableWorker(
        new Worker(queueNameOf(lane), work, options, createPostgresBackend),
        log,
      )
    },
    forget,
    close: async () => {
      forget()
      if (pool) await within(pool.end(), queueLimits.closeMsMax)
    },
  }
}

/** BullMQ describes the part of a pool that it uses in its own words, which `pg`'s types do not match to the letter. */
type QueuePool = PostgresConnection['pool']
const isQueuePool = (pool: object): pool is QueuePool => pool instanceof Pool

/** What a queue is asked for does not depend on its backend, though its type does. */
const isQueue = (queue: object): queue is Queue => queue instanceof Queue

function asQueue(queue: object): Queue {
  if (!isQueue(queue)) throw new Error('Not a queue of BullMQ')
  return queue
}

function openQueuePool(directUrl: string, log: Log): Pool {
  // BullMQ reads values as `pg` gives them by default, not as the hub has them.
  const { types: _ours, ...settings } = clientSettings({ url: directUrl, purpose: 'queue' })
  const pool = new Pool({
    ...settings,
    options: `-c search_path=${queueSchema}`,
    max: queueLimits.connectionsMax,
    idleTimeoutMillis: 60_000,
  })
  pool.on('error', (error) => log.warn({ error: error.message }, 'the queue lost a connection'))
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  return pool
}
