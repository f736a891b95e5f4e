import { dayMoment, isDay, momentAt, type Moment } from './calendar.ts'

/** Reads a text in one format; null when the text is not of that form. The reading may still not exist. */
export type FormatReader = (text: string) => Moment | null

const digit = (text: string, at: number): number => {
  const value = text.charCodeAt(at) - 48
  return value >= 0 && value <= 9 ? value : Number.NaN
}

/** Two digits at an offset, NaN when they are not digits. */
export const two = (text: string, at: number): number => digit(text, at) * 10 + digit(text, at + 1)
export const four = (text: string, at: number): number => two(text, at) * 100 + two(text, at + 2)

const tokens = /YYYY|MM|M|DD|D|HH|H|mm|ss|SSS|Z|[^]/g
const groupPatterns: Record<string, string> = {
  YYYY: '(?<year>\\d{4})',
  MM: '(?<month>\\d{2})',
  M: '(?<month>\\d{1,2})',
  DD: '(?<day>\\d{2})',
  D: '(?<day>\\d{1,2})',
  HH: '(?<hour>\\d{2})',
  H: '(?<hour>\\d{1,2})',
  mm: '(?<minute>\\d{2})',
  ss: '(?<second>\\d{2})',
  SSS: '(?<fraction>\\d{1,9})',
  Z: '(?<offset>Z|z|[+-]\\d{2}:?\\d{2}|[+-]\\d{2})',
}

const offsetMinutes = (text: string | undefined): number | null => {
  if (text === undefined) return null
  if (text === 'Z' || text === 'z') return 0
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2)) * (text.length > 3 ? 1 : 0)
  return text.startsWith('-') ? -minutes : minutes
}

/** Groups of a match to a reading; fractions beyond the millisecond are cut. */
const fromGroups = (groups: Record<string, string | undefined>): Moment => ({
  year: Number(groups['year']),
  month: Number(groups['month']),
  day: Number(groups['day']),
  hour: Number(groups['hour'] ?? 0),
  minute: Number(groups['minute'] ?? 0),
  second: Number(groups['second'] ?? 0),
  millisecond: Number((groups['fraction'] ?? '0').padEnd(3, '0').slice(0, 3)),
  offsetMinutes: offsetMinutes(groups['offset']),
})

const readerOf = (pattern: RegExp): FormatReader => {
  return (text) => {
    const groups = pattern.exec(text)?.groups
    return groups ? fromGroups(groups) : null
  }
}

/** RFC 3339 with its offset; a space may stand for the T, as the RFC allows. */
export const rfc3339: FormatReader = readerOf(
  /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})[Tt ](?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})(?:\.(?<fraction>\d{1,9}))?(?<offset>[Zz]|[+-]\d{2}:\d{2})$/,
)

const numerals = '零一二三四五六七八九'
const chineseDate =
  /^([〇○零一二三四五六七八九\d]{4})年([十廿卅一二三四五六七八九\d]{1,3})月([十廿卅一二三四五六七八九\d]{1,3})[日号]?$/

const chineseNumber = (text: string): number => {
  if (/^\d{1,2}$/.test(text)) return Number(text)
  const spoken = text.replace('廿', '二十').replace('卅', '三十')
  const [tens, units, ...more] = spoken.split('十')
  const value = (char: string | undefined) => numerals.indexOf(char ?? '')
  if (more.length > 0 || /\d/.test(spoken)) return Number.NaN
  if (units === undefined) return tens?.length === 1 ? value(tens) : Number.NaN
  return (tens === '' ? 1 : value(tens)) * 10 + (units === '' ? 0 : value(units))
}

const chinese: FormatReader = (text) => {
  const found = chineseDate.exec(text.replace(/\s/g, ''))
  if (!found) return null
  const [, year = '', month = '', day = ''] = found
  const digits = year.replace(/[^\d]/g, (char) => String(Math.max(0, numerals.indexOf(char))))
  return dayMoment(Number(digits), chineseNumber(month), chineseNumber(day))
}

const dayMs = 86_400_000
const excelEpoch = Date.UTC(1899, 11, 30)

/** Excel counts days since 1900 and knows a 29 February 1900 (serial 60) that never was. */
const excel: FormatReader = (text) => {
  if (!/^\d{1,7}(\.\d{1,12})?$/.test(text)) return null
  const serial = Number(text)
  if (serial < 1 || serial >= 2_958_466 || Math.floor(serial) === 60) return null
  const days = serial < 60 ? serial + 1 : serial
  return momentAt(excelEpoch + Math.round((days * dayMs) / 1000) * 1000)
}

const epoch = (unitMs: number): FormatReader => {
  return (text) => {
    if (!/^-?\d{1,15}$/.test(text)) return null
    const ms = Number(text) * unitMs
    return Math.abs(ms) > 8.64e15 ? null : { ...momentAt(ms), offsetMinutes: 0 }
  }
}

const dateNames: Record<string, FormatReader> = { 中文: chinese, excel }
const instantNames: Record<string, FormatReader> = {
  ...dateNames,
  rfc3339,
  epochSeconds: epoch(1000),
  epochMilliseconds: epoch(1),
}

/**
 * Formats in which every token has a fixed place are read by offset: they are most of what
 * arrives, and twice as fast as a pattern.
 */
const fixedDate = (format: string): FormatReader | null => {
  const literals = [...format.matchAll(/[^YMD]/g)].map(({ index, 0: char }) => ({ index, char }))
  const [yearAt, monthAt, dayAt] = ['YYYY', 'MM', 'DD'].map((token) => format.indexOf(token))
  if (yearAt === undefined || monthAt === undefined || dayAt === undefined) return null
  if (/[HmsSZ]/.test(format) || format.length !== 8 + literals.length) return null
  if (yearAt < 0 || monthAt < 0 || dayAt < 0) return null
  return (text) => {
    if (text.length !== format.length) return null
    for (const literal of literals) if (text[literal.index] !== literal.char) return null
    const [year, month, day] = [four(text, yearAt), two(text, monthAt), two(text, dayAt)]
    return isDay(year, month, day) ? dayMoment(year, month, day) : null
  }
}

const missingToken = (parts: readonly string[]): string | null => {
  const has = (...names: string[]) => parts.filter((part) => names.includes(part)).length
  if (has('YYYY') !== 1) return 'YYYY'
  if (has('MM', 'M') !== 1) return 'MM'
  if (has('DD', 'D') !== 1) return 'DD'
  if (has('HH', 'H') > 1 || has('mm') > 1 || has('ss') > 1 || has('SSS') > 1) return 'HH mm ss'
  return has('Z') > 1 ? 'Z' : null
}

/** A format's reader, or what is wrong with the format. */
export const compileFormat = (
  format: string,
  kind: 'date' | 'datetime',
): FormatReader | { fault: string } => {
  const named = (kind === 'date' ? dateNames : instantNames)[format]
  if (named && Object.hasOwn(instantNames, format)) return named
  const parts = format.match(tokens) ?? []
  const missing = missingToken(parts)
  if (missing !== null) return { fault: `${missing} 应恰好出现一次 / ${missing} must appear once` }
  const stray = parts.find(
    (part) => !Object.hasOwn(groupPatterns, part) && /^[A-SU-Za-z0-9]$/.test(part),
  )
  if (stray !== undefined)
    return { fault: `无法识别的记号 ${stray} / The token ${stray} is not known` }
  const pattern = parts.map((part) =>
    Object.hasOwn(groupPatterns, part)
      ? groupPatterns[part]
      : part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'),
  )
  return fixedDate(format) ?? readerOf(new RegExp(`^${pattern.join('')}$`))
}
