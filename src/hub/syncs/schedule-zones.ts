/** Time zones by the names of the IANA database, as the runtime knows them. */

export interface LocalParts {
  year: number
  /** 1 to 12. */
  month: number
  day: number
  /** Milliseconds that the zone is ahead of UTC. */
  offsetMs: number
}

const formats = new Map<string, Intl.DateTimeFormat | null>()

function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  let format: Intl.DateTimeFormat | null = null
  try {
    const two = '2-digit'
    const time = { hour: two, minute: two, second: two, hourCycle: 'h23' } as const
    const date = { year: 'numeric', month: two, day: two } as const
    format = new Intl.DateTimeFormat('en-US', { timeZone, ...date, ...time })
  } catch {
    // A RangeError: no such zone.
  }
  // Names come from callers, so that nobody fills the memory with invented ones.
  if (formats.size >= 1000) formats.clear()
  formats.set(timeZone, format)
  return format
}

export const isTimezone = (name: string): boolean => formatOf(name) !== null

/** The date in the zone, and how far the zone is ahead of UTC; throws on an unknown zone. */
export function localParts(zone: string, at: Date): LocalParts {
  const format = formatOf(zone)
  if (format === null) throw new RangeError(`Unknown time zone ${zone}`)
  const found: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(at)) found[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found
  const local = Date.UTC(year, month - 1, day, hour, minute, second)
  return { year, month, day, offsetMs: local - Math.floor(at.getTime() / 1000) * 1000 }
}

const halfDayMs = 12 * 60 * 60 * 1000

/**
 * The instants of a local time, given as if it were UTC. `first` and `second` differ where clocks go back
 * and the day has the time twice; where they go forward over it, both are as much later as the clocks are
 * (as RFC 5545, 3.3.5 has it).
 */
export function localToInstants(zone: string, local: number): { first: number; second: number } {
  const before = offsetAt(zone, local - halfDayMs)
  const after = offsetAt(zone, local + halfDayMs)
  const candidates = [local - before, local - after]
  const real = candidates.filter((instant) => instant + offsetAt(zone, instant) === local)
  if (real.length === 0) return { first: local - before, second: local - before }
  return { first: Math.min(...real), second: Math.max(...real) }
}

/** Zones change at quarters of an hour, so that one question per quarter is enough. */
const quarterMs = 15 * 60 * 1000
const offsets = new Map<string, number>()

function offsetAt(zone: string, at: number): number {
  const quarter = Math.floor(at / quarterMs)
  const key = `${zone} ${quarter}`
  const known = offsets.get(key)
  if (known !== undefined) return known
  if (offsets.size >= 20_000) offsets.clear()
  const { offsetMs } = localParts(zone, new Date(quarter * quarterMs))
  offsets.set(key, offsetMs)
  return offsetMs
}
