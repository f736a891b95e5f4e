import type { RowCode } from '../../../schemas/api/row-codes.ts'
import type { Fault } from '../types.ts'

/**
 * Why a cell's steps ended without a value: a fault's code, or (for 长期) the boolean field to set.
 * An object rather than an exception, since faults are ordinary in real feeds and must cost little.
 */
export class Stop {
  readonly code: RowCode | null
  readonly flag: string | null

  constructor(code: RowCode | null, flag: string | null = null) {
    this.code = code
    this.flag = flag
  }
}

/** The stops that only name a fault, made once. */
export const stops = {
  type: new Stop('type'),
  precision: new Stop('precision'),
  date: new Stop('date-invalid'),
  amount: new Stop('amount-invalid'),
  code: new Stop('code-unknown'),
} as const

/** What a step makes of a text: another text, no value, or a stop. */
export type TextStep = (text: string) => string | undefined | Stop

/** A fault's list in one row is read by people: more than this many help nobody. */
const faultsMax = 100
const faultValueMax = 200

/** Notes a fault, up to the limit per row, with the value as it came. */
export const addFault = (
  faults: Fault[],
  field: string | null,
  code: RowCode,
  cell: unknown,
): void => {
  if (faults.length >= faultsMax) return
  const value = describe(cell)
  faults.push(value === undefined ? { field, code } : { field, code, value })
}

/** A cell as a text of at most 200 code points, for quality entries. */
export const describe = (cell: unknown): string | undefined => {
  if (cell == null) return undefined
  const text = typeof cell === 'object' ? nested(cell) : scalarText(cell)
  if (text.length <= faultValueMax) return text
  return Array.from(text.slice(0, 2 * faultValueMax))
    .slice(0, faultValueMax)
    .join('')
}

const scalarText = (cell: unknown): string => {
  if (typeof cell === 'string') return cell
  return typeof cell === 'number' || typeof cell === 'boolean' || typeof cell === 'bigint'
    ? String(cell)
    : typeof cell
}

/** A decoder limits depth, but a cell nested beyond the engine's stack must still be describable. */
const nested = (cell: object): string => {
  try {
    return JSON.stringify(cell) ?? ''
  } catch {
    return Array.isArray(cell) ? '[…]' : '{…}'
  }
}

/**
 * A cell as text; null, undefined and '' are no value. A whole number beyond 2^53 was already rounded
 * when its JSON was read (an 18-digit identity number sent as a number), so it is a fault, never a text.
 */
export const textOf = (cell: unknown): string | undefined | Stop => {
  if (typeof cell === 'string') return cell === '' ? undefined : cell
  if (cell == null) return undefined
  if (typeof cell === 'number') return numberText(cell)
  if (typeof cell === 'boolean' || typeof cell === 'bigint') return String(cell)
  if (cell instanceof Date && Number.isFinite(cell.getTime())) return cell.toISOString()
  return stops.type
}

const numberText = (cell: number): string | Stop =>
  Number.isSafeInteger(cell) || (Number.isFinite(cell) && !Number.isInteger(cell))
    ? String(cell)
    : stops.type

/** A cell as a list of texts: an array's items, or the one text. */
export const textsOf = (cell: unknown): string[] | undefined | Stop => {
  if (!Array.isArray(cell)) {
    const text = textOf(cell)
    return typeof text === 'string' ? [text] : text
  }
  const texts: string[] = []
  for (const item of cell) {
    const text = textOf(item)
    if (text instanceof Stop) return text
    if (text !== undefined) texts.push(text)
  }
  return texts.length === 0 ? undefined : texts
}

const inherited: object = Object.prototype

/** Reads a column of a row; names such as `constructor` are only read where the row itself has them. */
export const columnReader = (column: string): ((row: Record<string, unknown>) => unknown) =>
  column in inherited
    ? (row) => (Object.hasOwn(row, column) ? row[column] : undefined)
    : (row) => row[column]

/** An object that may take any key: with `Object.prototype` behind it, `__proto__` would be swallowed. */
export const isRecord = (cell: unknown): cell is Record<string, unknown> =>
  typeof cell === 'object' && cell !== null && !Array.isArray(cell)
