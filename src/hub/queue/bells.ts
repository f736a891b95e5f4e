import type { Queue } from 'bullmq'
import type { Lane } from './limits.ts'

/** What a worker does with a rung run; must not throw. */
export type Answering = (runId: string, lane: Lane) => Promise<void>

export interface QueueWorker {
  /** Takes no further job; waits a while for those under way. */
  close(): Promise<void>
}

/** One backend of the queue, connected when it is first used. */
export interface Bells {
  queue(lane: Lane): Promise<Queue>
  answer(lane: Lane, concurrency: number, answering: Answering): Promise<QueueWorker>
  /** Gives up what was opened for ringing, so that the next ring connects anew. */
  forget(): void
  close(): Promise<void>
}

const againMark = '-again'

/**
 * The id of a run's job. The run's former job may still lie in the queue with a worker that died, and BullMQ
 * ignores a job whose id it knows: so a second name. Two jobs of one run do no harm, since it is claimed once.
 */
export const jobIdOf = (runId: string, isAgain: boolean): string =>
  isAgain ? `${runId}${againMark}` : runId

/** The run that a job is about. */
export const runIdOfJob = (jobId: string): string =>
  jobId.endsWith(againMark) ? jobId.slice(0, -againMark.length) : jobId
