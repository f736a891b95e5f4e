import { Refusal } from '../../shared/refusal.ts'
import type { Cell, TableColumn, TargetDialect } from './dialect.ts'

/** Values of one row in the columns' order. */
export const cellsOf = (
  values: Readonly<Record<string, unknown>>,
  columns: readonly TableColumn[],
  dialect: TargetDialect,
): Cell[] => columns.map((column) => cellOf(values[column.name], column, dialect))

function cellOf(value: unknown, column: TableColumn, dialect: TargetDialect): Cell {
  if (value === null || value === undefined) return null
  if (column.type === 'object' || column.type === 'array') return JSON.stringify(value) ?? null
  if (!isScalar(value)) return JSON.stringify(value) ?? null
  if (column.type === 'decimal') keepDigits(String(value), column)
  return dialect.textOf(value, column)
}

const isScalar = (value: unknown): value is string | number | bigint | boolean =>
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  typeof value === 'boolean'

/** Stores round a decimal to the column's scale without a word; so it is refused here instead. */
function keepDigits(text: string, { name, scale }: TableColumn): void {
  if (scale === undefined) return
  const point = text.indexOf('.')
  if (point < 0 || text.length - point - 1 <= scale) return
  if (text.slice(point + 1).replace(/0+$/, '').length <= scale) return
  throw new Refusal(
    'state-conflict',
    `列“${name}”只有 ${scale} 位小数,交付的值更长 / Column “${name}” has ${scale} decimals, a delivered value has more`,
  )
}

/** RFC 3339: date, time to the second, fraction, offset. */
const instantForm = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/

/**
 * An RFC 3339 instant as `YYYY-MM-DD HH:MM:SS[.f]` in UTC, with its fraction as it was: a JavaScript date
 * would keep milliseconds only. Text of another form passes, for the store to judge.
 */
export function utcText(text: string): string {
  const [, day, time, fraction = '', offset = 'Z'] = instantForm.exec(text) ?? []
  if (day === undefined || time === undefined) return text
  if (/^z$/i.test(offset)) return `${day} ${time}${fraction}`
  const shifted = new Date(`${day}T${time}${offset}`).toISOString()
  return `${shifted.slice(0, 10)} ${shifted.slice(11, 19)}${fraction}`
}
