import { nextDue } from './due-times.ts'
import { syncLimits } from './limits.ts'

/** Whether a sync may run now, and when that changes next (null: never). */
export interface WindowState {
  isOpen: boolean
  changesAt: Date | null
}

/**
 * Windows are times of day `22:00-06:00` in the sync's zone, from the first minute up to but without the
 * last; one that ends before it begins goes over midnight, equal ends mean the whole day. None: always open.
 */
export function windowState(
  windows: readonly string[] | undefined,
  timezone: string | null,
  at: Date,
): WindowState {
  if (windows === undefined || windows.length === 0) return { isOpen: true, changesAt: null }
  const zone = timezone ?? syncLimits.timezone
  const minute = minuteOfDay(zone, at)
  const spans = windows.map(readSpan)
  const open = spans.filter(({ from, to }) => isWithin(minute, from, to))
  if (open.length === 0)
    return {
      isOpen: false,
      changesAt: earliest(
        zone,
        at,
        spans.map(({ from }) => from),
      ),
    }
  if (open.some(({ from, to }) => from === to)) return { isOpen: true, changesAt: null }
  // Where windows meet, the later end counts; whoever waits for it looks again then.
  const ends = open.map(({ to }) => earliest(zone, at, [to]))
  return {
    isOpen: true,
    changesAt: ends.reduce((late, end) => (late && end && end > late ? end : late)),
  }
}

function readSpan(window: string): { from: number; to: number } {
  const [from = '00:00', to = '00:00'] = window.split('-')
  return { from: readMinute(from), to: readMinute(to) }
}

function readMinute(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return hour * 60 + minute
}

const isWithin = (minute: number, from: number, to: number): boolean =>
  from < to ? minute >= from && minute < to : from === to || minute >= from || minute < to

function minuteOfDay(timeZone: string, at: Date): number {
  const format = { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  return readMinute(new Intl.DateTimeFormat('en-GB', format).format(at))
}

function earliest(zone: string, after: Date, minutes: readonly number[]): Date | null {
  const times = minutes.flatMap(
    (minute) => nextDue(`${minute % 60} ${Math.floor(minute / 60)} * * *`, zone, after) ?? [],
  )
  return times.length === 0 ? null : new Date(Math.min(...times.map((time) => time.getTime())))
}
