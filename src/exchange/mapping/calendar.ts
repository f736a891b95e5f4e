/** A wall-clock reading of the proleptic Gregorian calendar; `offsetMinutes` when the text named one. */
export interface Moment {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  millisecond: number
  offsetMinutes: number | null
}

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Whether the day exists; years run from 1 to 9999. */
export const isDay = (year: number, month: number, day: number): boolean => {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false
  if (month !== 2) return day <= (monthDays[month - 1] ?? 0)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= (isLeap ? 29 : 28)
}

/** Leap seconds and 24:00 are refused: neither names an instant that PostgreSQL would keep as written. */
export const isMoment = (moment: Moment): boolean =>
  isDay(moment.year, moment.month, moment.day) &&
  moment.hour < 24 &&
  moment.minute < 60 &&
  moment.second < 60 &&
  (moment.offsetMinutes === null || Math.abs(moment.offsetMinutes) <= 14 * 60)

const pairs = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'))

/** `YYYY-MM-DD`. */
export const dateText = (year: number, month: number, day: number): string =>
  `${pairs[Math.trunc(year / 100)] ?? ''}${pairs[year % 100] ?? ''}-${pairs[month] ?? ''}-${pairs[day] ?? ''}`

/** Milliseconds since 1970 of the reading as if it were UTC. `Date.UTC` would move the years 0 to 99. */
export const asUtc = (moment: Moment): number => {
  const ms = Date.UTC(
    2000,
    moment.month - 1,
    moment.day,
    moment.hour,
    moment.minute,
    moment.second,
    moment.millisecond,
  )
  if (moment.year > 99) {
    return Date.UTC(
      moment.year,
      moment.month - 1,
      moment.day,
      moment.hour,
      moment.minute,
      moment.second,
      moment.millisecond,
    )
  }
  return new Date(ms).setUTCFullYear(moment.year, moment.month - 1, moment.day)
}

/** A day of the calendar without a time. */
export const dayMoment = (year: number, month: number, day: number): Moment => ({
  year,
  month,
  day,
  hour: 0,
  minute: 0,
  second: 0,
  millisecond: 0,
  offsetMinutes: null,
})

/** The reading of a UTC clock at `ms`. */
export const momentAt = (ms: number): Moment => {
  const date = new Date(ms)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    millisecond: date.getUTCMilliseconds(),
    offsetMinutes: null,
  }
}
