/** Limits of the queue. The queue is a doorbell: whatever is lost here, the sweep rings again. */
export const queueLimits = {
  /** How long a worker holds a job without saying that it lives. */
  lockMs: 10_000,
  /** How often jobs of dead workers are looked for: with the lock, a killed run goes on within 15 s. */
  stalledCheckMs: 5000,
  /** BullMQ fails a job at the second kill by default; here the run's own row decides, so never. */
  stalledMax: 1_000_000,
  /** How long whoever rings waits for the queue; a ring that takes longer goes on behind them. */
  ringMsMax: 1000,
  /** Rings further ahead are left to the sweep, so that a run brought forward is never held up by an old ring. */
  ringAheadMsMax: 5000,
  /** Jobs added in one statement. */
  ringsAtOnceMax: 500,
  /** How long a worker that stops waits for its jobs to end. */
  closeMsMax: 3000,
  /** An idle worker asks at least this often, whatever notifications it may have missed. */
  idleCheckSeconds: 5,
  /** The pool of the queue: a listening client for each lane's worker and one for waiting, and some for statements. */
  connectionsMax: 14,
} as const

/** Runs are worked off in two lanes, so that a small run never waits behind large ones. */
export const lanes = ['small', 'large'] as const
export type Lane = (typeof lanes)[number]

export const queueNameOf = (lane: Lane): string => `shuqiao-${lane}`
