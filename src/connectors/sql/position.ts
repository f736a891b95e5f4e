import { Refusal } from '../../shared/refusal.ts'
import type { Position } from '../contract.ts'

/** What a position of a SQL source holds: the columns it goes by, and the store's own text of their values. */
export interface TablePosition extends Position {
  columns: readonly string[]
  values: readonly string[]
}

export const tablePosition = (
  columns: readonly string[],
  values: readonly string[],
): TablePosition => ({ columns, values })

const isTexts = (given: unknown): given is readonly string[] =>
  Array.isArray(given) && given.every((item) => typeof item === 'string')

/** The values of a position that was made for the same columns; another one cannot be gone on from. */
export function valuesOf(
  position: Position | null,
  columns: readonly string[],
): readonly string[] | null {
  if (position === null) return null
  const { columns: made, values } = position
  const fits = isTexts(made) && isTexts(values) && made.length === values.length
  if (fits && made.join('\n') === columns.join('\n')) return values
  throw new Refusal(
    'state-conflict',
    `游标位置不是按 ${columns.join(', ')} 记录的,请重置同步任务的位置 / The position was not made by ${columns.join(', ')}; reset the sync’s position`,
  )
}

/** `updated_at 2026-11-22 08:00:00, id 42` */
export function positionInWords({ columns, values }: Position): string {
  if (!isTexts(columns) || !isTexts(values)) return ''
  return columns.map((name, at) => `${name} ${values[at] ?? ''}`).join(', ')
}
