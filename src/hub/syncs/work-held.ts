import type { Pool } from 'pg'
import type { Log } from '../database/log.ts'
import { runStore } from '../intake/runs.ts'
import { syncLimits } from './limits.ts'
import { extendLease, type HeldRun } from './release-run.ts'
import { RunStopped } from './run-work.ts'

/** Keeps a run's lease while its work goes on, and aborts when that is no longer this worker's to do. */
export interface Hold {
  signal: AbortSignal
  stop(why: RunStopped['why']): void
  end(): void
}

/** Says every few seconds that the holder lives; an outage of the database is no reason to stop. */
export function holdRun(pool: Pool, held: HeldRun, log: Log): Hold {
  const controller = new AbortController()
  const stop = (why: RunStopped['why']): void => {
    if (!controller.signal.aborted) controller.abort(new RunStopped(why))
  }
  const beat = async (): Promise<void> => {
    if (controller.signal.aborted || (await extendLease(pool, held))) return
    const run = await runStore(pool).find(held.id)
    stop(run?.state === 'cancelled' ? 'cancelled' : 'lease-lost')
  }
  let isBeating = false
  const timer = setInterval(() => {
    if (isBeating) return
    isBeating = true
    beat()
      .catch((error: unknown) => log.warn({ err: error, run: held.id }, 'a lease was not extended'))
      .finally(() => (isBeating = false))
  }, syncLimits.heartbeatMs)
  return { signal: controller.signal, stop, end: () => clearInterval(timer) }
}

/**
 * The work's outcome; but a work that goes on for long after it was told to stop is left to itself (it has
 * lost its lease, so nothing that it writes can land), and its place is free: `RunStopped`.
 */
export async function heeding<T>(
  work: Promise<T>,
  signal: AbortSignal,
  onIgnored: () => void,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  let timer: NodeJS.Timeout | undefined
  const wait = (): void => {
    timer = setTimeout(() => {
      onIgnored()
      reject(signal.reason)
    }, syncLimits.heedMsMax)
    timer.unref()
  }
  if (signal.aborted) wait()
  else signal.addEventListener('abort', wait, { once: true })
  work.catch(() => undefined)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', wait)
  }
}
