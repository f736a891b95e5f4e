import { setTimeout as sleep } from 'node:timers/promises'

/** Keeps a source from being read faster than its department allows. */
export interface Pace {
  /** Milliseconds to wait before the next read, now that so many rows were taken. */
  owed(rowCount: number): number
}

/** A second's worth of rows may be taken at once; what was not taken for longer is not saved up. */
const burstMs = 1000

export function openPace(rowsPerSecond: number | undefined, nowMs: () => number): Pace {
  let freeAt = Number.NEGATIVE_INFINITY
  return {
    owed: (rowCount) => {
      if (rowsPerSecond === undefined) return 0
      const now = nowMs()
      freeAt = Math.max(freeAt, now - burstMs) + (rowCount / rowsPerSecond) * 1000
      return Math.max(0, freeAt - now)
    },
  }
}

/** Waits, unless the run has to stop: then its reason is thrown. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
