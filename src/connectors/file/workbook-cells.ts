import type { CellValue } from 'hucre/xlsx'
import type { RowCode } from '../../../schemas/api/row-codes.ts'

/** What a cell says: its text, null where it is empty, or why it cannot be taken. */
export type Cell = { text: string | null } | { fault: RowCode; text: string }

/** The error values of ECMA-376 part 1 §18.17.3, and those that newer Excels write. */
const errorTexts = new Set([
  '#NULL!',
  '#DIV/0!',
  '#VALUE!',
  '#REF!',
  '#NAME?',
  '#NUM!',
  '#N/A',
  '#GETTING_DATA',
  '#SPILL!',
  '#CALC!',
  '#ERR!',
])

const significantDigits = 15

/**
 * A cell as text. Numbers have at most 15 significant digits, as Excel itself keeps and shows them, without
 * exponent. A whole number beyond 2^53 has lost digits before it came here (an identity number that was
 * typed as a number ends in 000), and is a `precision` fault rather than a wrong number. Errors of formulas
 * are a `type` fault: an empty cell in their place would take away a value that nobody took away.
 */
export function readCell(value: CellValue | undefined): Cell {
  if (value === null || value === undefined) return { text: null }
  if (typeof value === 'boolean') return { text: String(value) }
  if (typeof value === 'number') return readNumber(value)
  if (value instanceof Date) return readDate(value)
  if (errorTexts.has(value)) return { fault: 'type', text: value }
  return { text: value.trim() === '' ? null : value }
}

function readNumber(value: number): Cell {
  if (!Number.isFinite(value)) return { fault: 'type', text: String(value) }
  if (Number.isInteger(value)) {
    return Number.isSafeInteger(value)
      ? { text: String(value === 0 ? 0 : value) }
      : { fault: 'precision', text: String(value) }
  }
  const text = withoutExponent(value.toPrecision(significantDigits))
  return { text: text.replace(/\.?0+$/, '') }
}

/** `1.25e-7` as `0.000000125`; only numbers with a fraction come here, so the exponent is small or negative. */
function withoutExponent(text: string): string {
  const [mantissa = '', exponent] = text.split('e')
  if (exponent === undefined) return mantissa
  const sign = mantissa.startsWith('-') ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  const point = 1 + Number(exponent)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  const padded = digits.padEnd(point + 1, '0')
  return `${sign}${padded.slice(0, point)}.${padded.slice(point)}`
}

const firstDay = Date.UTC(1900, 0, 1)

/**
 * Workbooks know days and fractions of days without a zone. A whole day is a date; what lies before the
 * first day is a time alone; seconds are rounded, since a fraction of a day is never exact.
 */
function readDate(value: Date): Cell {
  const rounded = new Date(Math.round(value.getTime() / 1000) * 1000)
  if (Number.isNaN(rounded.getTime())) return { fault: 'date-invalid', text: 'date' }
  const [day = '', time = ''] = rounded.toISOString().slice(0, 19).split('T')
  if (rounded.getTime() < firstDay) return { text: time }
  return { text: time === '00:00:00' ? day : `${day} ${time}` }
}
