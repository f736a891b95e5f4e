/** Time as the hub sees it; tests bring their own. */
export interface Clock {
  now: () => Date
  /** Milliseconds of a clock that never goes back: for durations and limits. */
  nowMs: () => number
}

export const systemClock: Clock = {
  now: () => new Date(),
  nowMs: () => performance.now(),
}
