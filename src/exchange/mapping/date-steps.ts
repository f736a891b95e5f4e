import { Stop, stops, type TextStep } from './cells.ts'
import { asUtc, dateText, isDay, isMoment, type Moment } from './calendar.ts'
import { four, rfc3339, two, type FormatReader } from './formats.ts'
import { instantIn } from './zone.ts'

/** What the sentinels of 长期 are, and the field that they set. */
export interface LongTerm {
  values: readonly string[]
  flag: string
}

const firstMoment = (readers: readonly FormatReader[], text: string): Moment | null => {
  for (const reader of readers) {
    const moment = reader(text)
    if (moment !== null && isMoment(moment)) return moment
  }
  return null
}

/** Wraps a step so that a sentinel, as written or as the date it denotes, stops it and sets the flag. */
const withLongTerm = (
  longTerm: LongTerm | null,
  read: TextStep,
  dayOf: (read: string) => string,
): TextStep => {
  if (!longTerm) return read
  const sentinels = new Set(longTerm.values)
  const stop = new Stop(null, longTerm.flag)
  return (text) => {
    if (sentinels.has(text) || sentinels.has(text.trim())) return stop
    const value = read(text)
    return typeof value === 'string' && sentinels.has(dayOf(value)) ? stop : value
  }
}

/** `YYYY-MM-DD` of the calendar, else `date-invalid`: the form in which dates are carried. */
export const isoDate: TextStep = (text) =>
  text.length === 10 &&
  text.charCodeAt(4) === 45 &&
  text.charCodeAt(7) === 45 &&
  isDay(four(text, 0), two(text, 5), two(text, 8))
    ? text
    : stops.date

const toDate = (readers: readonly FormatReader[]): TextStep => {
  return (text) => {
    const moment = firstMoment(readers, text) ?? firstMoment(readers, text.trim())
    return moment === null ? stops.date : dateText(moment.year, moment.month, moment.day)
  }
}

const compact: TextStep = (text) => {
  if (text.length !== 8) return stops.date
  return isDay(four(text, 0), two(text, 4), two(text, 6))
    ? `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`
    : stops.date
}

/** The two forms that nearly every source uses need no reading in between. */
const quickForms: Record<string, TextStep> = { 'YYYY-MM-DD': isoDate, YYYYMMDD: compact }

/** To a date, by the first format that gives a day of the calendar. */
export const dateStep = (
  formats: readonly string[],
  readers: readonly FormatReader[],
  longTerm: LongTerm | null,
): TextStep => {
  const slow = toDate(readers)
  const quick = quickForms[formats[0] ?? '']
  const read: TextStep = quick
    ? (text) => {
        const date = quick(text)
        return date instanceof Stop ? slow(text) : date
      }
    : slow
  return withLongTerm(longTerm, read, (date) => date)
}

const instantText = (ms: number): string | Stop => {
  if (!(ms >= -62_135_596_800_000 && ms <= 253_402_300_799_999)) return stops.date
  return new Date(ms).toISOString()
}

const colon = 58

/** `YYYY-MM-DDTHH:MM:SSZ` of a real day and time: most of what arrives, which lacks only its milliseconds. */
const isWholeSecond = (text: string): boolean =>
  text.length === 20 &&
  text.charCodeAt(10) === 84 &&
  text.charCodeAt(19) === 90 &&
  text.charCodeAt(4) === 45 &&
  text.charCodeAt(7) === 45 &&
  text.charCodeAt(13) === colon &&
  text.charCodeAt(16) === colon &&
  two(text, 11) < 24 &&
  two(text, 14) < 60 &&
  two(text, 17) < 60 &&
  isDay(four(text, 0), two(text, 5), two(text, 8))

/** RFC 3339 with an offset to UTC with milliseconds, else `date-invalid`. */
export const isoInstant: TextStep = (text) => {
  if (isWholeSecond(text)) return `${text.slice(0, 19)}.000Z`
  const moment = rfc3339(text)
  if (moment === null || !isMoment(moment)) return stops.date
  return instantText(asUtc(moment) - (moment.offsetMinutes ?? 0) * 60_000)
}

/** To an instant; a text without an offset is read by the zone's wall clock. */
export const datetimeStep = (
  readers: readonly FormatReader[],
  zone: string,
  longTerm: LongTerm | null,
): TextStep => {
  const instant = instantIn(zone)
  const dayFormat = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
  const read: TextStep = (text) => {
    const moment = firstMoment(readers, text) ?? firstMoment(readers, text.trim())
    if (moment === null) return stops.date
    const { offsetMinutes } = moment
    return instantText(
      offsetMinutes === null ? instant(moment) : asUtc(moment) - offsetMinutes * 60_000,
    )
  }
  return withLongTerm(longTerm, read, (at) => dayFormat.format(new Date(at)))
}
