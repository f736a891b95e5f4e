/** From where on a system's calls are worth a look. Each is a judgement, named so that it can be argued about. */
export const watchLimits = {
  /** Systems that are remembered in memory; the one that has been silent longest goes. */
  systemsMax: 5000,
  /** Share of calls within a clock hour that found nobody, once there are so many calls. */
  absentShareMax: 0.5,
  absentCallsMin: 50,
  /** Of the last so many steps from one number to the next, so many small ones in the same direction. */
  stepsKept: 20,
  sequentialStepsMin: 15,
  /** A check digit makes neighbours of a sequence lie so far apart at most. */
  smallStepMax: 10,
  /** Keys of one call that are looked at. */
  keysPerCallMax: 500,
  /** An address is new when the system has not called from it for so long. */
  addressDays: 30,
  addressesPerSystemMax: 64,
  /** Calls within an hour of the night (Asia/Shanghai, from 22:00 until 06:00), and how often the usual. */
  nightBeginsAtHour: 22,
  nightEndsAtHour: 6,
  nightCallsMin: 200,
  nightFactor: 5,
  /** Records within a day (Asia/Shanghai), and how often the usual; only where enough days are known. */
  dayRecordsMin: 1000,
  dayFactor: 5,
  daysKnownMin: 3,
  /** The past that says what is usual, and that is kept. */
  usualDays: 14,
  usageDays: 30,
  /** Systems with counts that wait to be written; more are not counted until they are. */
  waitingCountsMax: 20_000,
  flushEveryMs: 60_000,
  lookEveryMs: 60 * 60 * 1000,
  /** Hints that wait to be told; more are dropped, for the same system will give another. */
  waitingHintsMax: 1000,
} as const
