import { asUtc, type Moment } from './calendar.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Whether the runtime's time zone data knows the zone. */
export const isZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone }).format(0) !== ''
  } catch {
    return false
  }
}

const wallClock = (zone: string): ((instantMs: number) => number) => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  return (instantMs) => {
    const read: Record<string, string> = {}
    for (const { type, value } of format.formatToParts(instantMs)) read[type] = value
    const part = (name: string) => Number(read[name] ?? 0)
    const year = (read['era'] ?? '').startsWith('B') ? 1 - part('year') : part('year')
    const clock = { year: 2000, month: part('month'), day: part('day'), millisecond: 0 }
    const time = { hour: part('hour'), minute: part('minute'), second: part('second') }
    const ms = asUtc({ ...clock, ...time, offsetMinutes: null })
    return new Date(ms).setUTCFullYear(year, clock.month - 1, clock.day)
  }
}

/**
 * Wall clock to instant in any zone. A time that occurs twice (clocks put back) is the first of the two;
 * one that never occurs (clocks put forward) is read with the offset before the change, as RFC 5545 and
 * Temporal do.
 */
const generalInstant = (zone: string): ((moment: Moment) => number) => {
  const clockAt = wallClock(zone)
  const offsetAt = (instantMs: number) => {
    const wholeSeconds = Math.floor(instantMs / 1000) * 1000
    return clockAt(wholeSeconds) - wholeSeconds
  }
  return (moment) => {
    const local = asUtc(moment)
    const before = offsetAt(local - dayMs)
    const after = offsetAt(local + dayMs)
    if (offsetAt(local - before) === before) return local - before
    return offsetAt(local - after) === after ? local - after : local - before
  }
}

/**
 * Instants of a zone's wall clock, milliseconds since 1970. Asia/Shanghai keeps +08:00 since summer time
 * ended in September 1991, so that later years need no look-up.
 */
export const instantIn = (zone: string): ((moment: Moment) => number) => {
  if (zone === 'UTC') return asUtc
  const general = generalInstant(zone)
  if (zone !== 'Asia/Shanghai') return general
  return (moment) => (moment.year > 1991 ? asUtc(moment) - 8 * hourMs : general(moment))
}
