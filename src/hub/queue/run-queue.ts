import type { Queue } from 'bullmq'
import type { Log } from '../database/log.ts'
import { type Answering, type Bells, jobIdOf, type QueueWorker } from './bells.ts'
import { type Lane, lanes, queueLimits } from './limits.ts'
import { openPostgresBells } from './postgres-bells.ts'
import { openRedisBells } from './redis-bells.ts'
import { within } from './work-jobs.ts'

/*
 *   hub.runs (committed first) ──ring──▶ job with the run's id ──▶ worker: claims the run, or lets go
 *        ▲                                  │ lost, doubled, late
 *        └────────── sweep rings again ◀────┘
 */

/** A run that wants a worker. Nothing else about it goes into the queue. */
export interface RungRun {
  id: string
  lane: Lane
  /** 1 (first) to 10. */
  priority: number
  notBefore?: Date | null
  /** Rings under a second name, past a former job that a dead worker holds. */
  isAgain?: boolean
}

export interface QueueDepth {
  waiting: number
  active: number
  delayed: number
}

export interface RunQueue {
  /** Never throws and never waits for long: a ring that fails is logged and counted, and the sweep rings again. */
  ring(run: RungRun): Promise<void>
  ringAll(runs: readonly RungRun[]): Promise<void>
  /** Throws when the queue does not answer. */
  depth(): Promise<QueueDepth>
  /** Rings that failed since the start. */
  readonly failedRingCount: number
  /** Works off one lane; `concurrency` runs at once. */
  answer(lane: Lane, concurrency: number, answering: Answering): Promise<QueueWorker>
  /** The lanes' queues, for the job board. */
  queues(): Promise<Queue[]>
  close(): Promise<void>
}

export interface RunQueueOptions {
  /** Past any pooler: the queue listens. */
  directUrl: string
  redisUrl: string | undefined
  log: Log
}

/** The queue on PostgreSQL, or on Redis when its URL is given. Connects to nothing until it is used. */
export function openRunQueue(options: RunQueueOptions): RunQueue {
  const { redisUrl, log } = options
  const bells = redisUrl === undefined ? openPostgresBells(options) : openRedisBells(redisUrl, log)
  let failedRingCount = 0
  let isClosed = false
  const ringAll = async (runs: readonly RungRun[]): Promise<void> => {
    const soon = runs.filter(isSoon)
    if (isClosed || soon.length === 0) return
    const ringing = ringEach(bells, soon).catch((error: unknown) => {
      failedRingCount += 1
      bells.forget()
      if (!isClosed) log.warn({ err: error }, 'the queue could not be rung; the sweep rings again')
    })
    await within(ringing, queueLimits.ringMsMax)
  }
  return {
    ring: (run) => ringAll([run]),
    ringAll,
    get failedRingCount() {
      return failedRingCount
    },
    depth: () => readDepth(bells),
    answer: (lane, concurrency, answering) => bells.answer(lane, concurrency, answering),
    queues: () => Promise.all(lanes.map((lane) => bells.queue(lane))),
    close: async () => {
      isClosed = true
      await bells.close()
    },
  }
}

const isSoon = ({ notBefore }: RungRun): boolean =>
  !notBefore || notBefore.getTime() - Date.now() <= queueLimits.ringAheadMsMax

async function ringEach(bells: Bells, runs: readonly RungRun[]): Promise<void> {
  for (const lane of lanes) {
    const jobs = runs.filter((run) => run.lane === lane).map(jobOf)
    for (let start = 0; start < jobs.length; start += queueLimits.ringsAtOnceMax) {
      const queue = await bells.queue(lane)
      await queue.addBulk(jobs.slice(start, start + queueLimits.ringsAtOnceMax))
    }
  }
}

function jobOf({ id, priority, notBefore, isAgain = false }: RungRun) {
  const delay = Math.max(0, (notBefore?.getTime() ?? 0) - Date.now())
  // A finished job leaves nothing behind, so that the same run can be rung again.
  const ends = { removeOnComplete: true, removeOnFail: true }
  return { name: 'run', data: {}, opts: { jobId: jobIdOf(id, isAgain), priority, delay, ...ends } }
}

async function readDepth(bells: Bells): Promise<QueueDepth> {
  const depth: QueueDepth = { waiting: 0, active: 0, delayed: 0 }
  for (const lane of lanes) {
    const queue = await bells.queue(lane)
    const counts = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed')
    depth.waiting += (counts['wait'] ?? 0) + (counts['prioritized'] ?? 0)
    depth.active += counts['active'] ?? 0
    depth.delayed += counts['delayed'] ?? 0
  }
  return depth
}

/** A hub without a queue, as in most tests: nobody is rung for. */
export const silentQueue: RunQueue = {
  ring: async () => undefined,
  ringAll: async () => undefined,
  depth: async () => ({ waiting: 0, active: 0, delayed: 0 }),
  failedRingCount: 0,
  answer: async () => ({ close: async () => undefined }),
  queues: async () => [],
  close: async () => undefined,
}
