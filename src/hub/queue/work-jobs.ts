import type { Job, Worker, WorkerOptions } from 'bullmq'
import type { Log } from '../database/log.ts'
import { type Answering, type QueueWorker, runIdOfJob } from './bells.ts'
import { type Lane, queueLimits } from './limits.ts'

/** How workers hold their jobs, whatever the backend. */
export const workerOptions = (concurrency: number): Omit<WorkerOptions, 'connection'> => ({
  concurrency,
  lockDuration: queueLimits.lockMs,
  stalledInterval: queueLimits.stalledCheckMs,
  maxStalledCount: queueLimits.stalledMax,
  drainDelay: queueLimits.idleCheckSeconds,
  runRetryDelay: 1000,
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 0 },
})

/** A job is only a ring: how the run came out is in its row, so the job always ends well. */
export const workJob =
  (lane: Lane, answering: Answering) =>
  async (job: Job): Promise<void> => {
    if (job.id !== undefined) await answering(runIdOfJob(job.id), lane)
  }

/** The part of a worker that is the same for every backend. */
export type AnyWorker = Pick<Worker, 'close'> & {
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** Closes in time even when the queue is away, for BullMQ would wait for it. */
export function closableWorker(worker: AnyWorker, log: Log): QueueWorker {
  // Without a listener an outage of the queue would end the process. What it means is told once a minute.
  let toldAt = 0
  worker.on('error', (error) => {
    if (Date.now() - toldAt < 60_000) return
    toldAt = Date.now()
    log.warn({ error: error.message }, 'the queue is away; runs are rung again when it is back')
  })
  return {
    close: () => within(worker.close(), queueLimits.closeMsMax),
  }
}

/** Waits for the work, but no longer than that; the work itself goes on. */
export async function within(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([work.catch(() => undefined), promise])
  clearTimeout(timer)
}
