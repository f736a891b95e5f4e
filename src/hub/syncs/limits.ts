import { intakeLimits } from '../intake/limits.ts'

/** Limits of syncs and their runs. Each has a test; what passes one gets a clear refusal. */
export const syncLimits = {
  /** A run whose holder has not said it lives for so long is taken up by another worker. */
  leaseMs: intakeLimits.leaseMs,
  /** How often a holder says so, and learns that its run was cancelled. */
  heartbeatMs: Math.floor(intakeLimits.leaseMs / 3),
  /** Runs at once against one store, where the syncs that lead there do not say. */
  originConcurrencyMax: 4,
  /** How long a run waits that found its sync or its origin busy, unless it is rung before. */
  busyPauseMs: 3000,
  /** Attempts of a run that its source or the database fails, since rows last landed. */
  retryAttemptsMax: 8,
  retryPauseMsMin: 10_000,
  retryPauseMsMax: 600_000,
  /** How often each worker process looks for runs that nobody rings for. */
  sweepMs: 2000,
  /** Runs rung by one sweep. */
  sweepRunsMax: 200,
  /** How long a work may go on that does not heed its signal, before its place is given to another. */
  heedMsMax: 30_000,
  /** Syncs whose runs one look at the schedule makes, in one statement. */
  dueSyncsAtOnceMax: 1000,
  /** Rows after which a run goes on in the large lane, so that small ones never wait behind it. */
  smallRunRowsMax: 200_000,
  /** How far ahead a schedule is searched for its next time: 29 February, with a leap year left out. */
  scheduleDaysMax: 3000,
  /** Zone of a sync that names none. */
  timezone: 'Asia/Shanghai',
} as const
