/** The forms that PostgreSQL can store as date, timestamptz and numeric; used for every cell, so no allocation. */
/** Digits before or behind the point where a field names no length; PostgreSQL's `numeric` takes far more. */
const decimalDigitsMax = 1000

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const digitsAt = (text: string, from: number, to: number): number => {
  let number = 0
  for (let index = from; index < to; index += 1) {
    const digit = text.charCodeAt(index) - 48
    if (digit < 0 || digit > 9) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

const isLeapYear = (year: number): boolean =>
  year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

const startsWithDate = (text: string): boolean => {
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return false
  const year = digitsAt(text, 0, 4)
  const month = digitsAt(text, 5, 7)
  const day = digitsAt(text, 8, 10)
  const days = month === 2 && isLeapYear(year) ? 29 : daysOfMonth[month - 1]
  return year >= 1 && days !== undefined && day >= 1 && day <= days
}

/** A real day of the calendar, `YYYY-MM-DD`, from year 1: PostgreSQL has no year 0. */
export const isDate = (text: string): boolean => text.length === 10 && startsWithDate(text)

const timeUtc = /^T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/

let lastInstant = ''

/**
 * A real instant in UTC, `YYYY-MM-DDTHH:MM:SS[.f]Z` (RFC 3339). A row's own is asked for three times,
 * and many rows of a source were written at one time, so the last sound one is remembered.
 */
export const isInstant = (text: string): boolean => {
  if (text === lastInstant) return text !== ''
  const isSound = startsWithDate(text) && timeUtc.test(text.slice(10))
  if (isSound) lastInstant = text
  return isSound
}

const instantWithOffset =
  /^(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?)([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/** The instant in UTC behind an RFC 3339 text of any offset; undefined where it is none. */
export const readInstant = (text: string): string | undefined => {
  if (isInstant(text)) return text
  const match = instantWithOffset.exec(text)
  if (!match || !isDate(match[1] ?? '')) return undefined
  const [, day = '', time = '', offset = ''] = match
  if (offset.toUpperCase() === 'Z') return `${day}T${time}Z`
  const instant = new Date(`${day}T${time}${offset}`)
  const utc = Number.isNaN(instant.valueOf()) ? '' : instant.toISOString()
  return isInstant(utc) ? utc : undefined
}

/**
 * The shape of a decimal of `length` digits in all, `precision` of them behind the point; as SQL's
 * `numeric(length)`, a length without a precision means whole numbers. Without a length any decimal fits.
 */
export const decimalPattern = (length?: number, precision?: number): string => {
  const behind = precision ?? (length === undefined ? decimalDigitsMax : 0)
  const before = (length ?? decimalDigitsMax + behind) - behind
  const fraction = behind > 0 ? `(?:\\.\\d{1,${behind}})?` : ''
  return `^-?${before > 0 ? `\\d{1,${before}}` : '0'}${fraction}$`
}

const decimalParts = /^([+-]?)0*(\d+)(?:\.(\d*?)0*)?$/

/** A decimal without idle zeros, `-0012.50` → `-12.5`; undefined where the text is no decimal. */
export const readDecimal = (text: string): string | undefined => {
  const match = decimalParts.exec(text)
  if (!match) return undefined
  const [, sign, whole = '0', fraction = ''] = match
  const digits = fraction === '' ? whole : `${whole}.${fraction}`
  return sign === '-' && /[1-9]/.test(digits) ? `-${digits}` : digits
}
