import type { ReadBounds } from '../contract.ts'
import type { SqlDialect, StoreColumn } from './dialect.ts'
import { joined, raw, sql, type Sql } from './sql-text.ts'

/** One select of a read: which rows, and whether they lie ahead of `after`. */
export interface Phase {
  where: Sql | null
  /** False: rows that are read again in every run, or lie in the overlap; they move no position. */
  movesOn: boolean
}

export interface PhaseOrder {
  dialect: SqlDialect
  /** What rows are ordered by; empty: no order. */
  columns: readonly StoreColumn[]
  /** No two rows share the columns' values. */
  isUnique: boolean
  /** The columns are the sync's cursor, not only a key to go on by. */
  isCursor: boolean
}

/**
 * The selects that together give what the bounds ask for, each row once:
 *
 *   rows without a cursor value │ the overlap: [after − overlap, after) │ (after, upTo], or [after, upTo]
 *
 * A cursor that is not unique begins at `after` itself, since rows that share its value may have come later.
 */
export function phasesOf(
  order: PhaseOrder,
  bounds: ReadBounds,
  at: { after: readonly string[] | null; upTo: readonly string[] | null },
): Phase[] {
  const { columns, isCursor } = order
  if (columns.length === 0) return [{ where: null, movesOn: false }]
  const range = isCursor ? rangeOf(order, bounds.range) : []
  const overlap = isCursor && !bounds.range ? overlapOf(order, bounds.overlap, at.after) : null
  const nullable = columns.filter((column) => column.isNullable)
  const nulls = isCursor ? nullsOf(order, nullable, bounds.range !== null) : null
  const valued = nullable.map(({ name }) => raw(`${order.dialect.quote(name)} is not null`))
  const ahead = [
    ...valued,
    ...range,
    ...(at.after ? [compared(order, order.isUnique ? '>' : '>=', at.after)] : []),
    ...(at.upTo ? [compared(order, '<=', at.upTo)] : []),
  ]
  return [
    ...(nulls ? [{ where: all([nulls, ...range]), movesOn: false }] : []),
    ...(overlap ? [{ where: all([...valued, ...overlap]), movesOn: false }] : []),
    { where: all(ahead), movesOn: true },
  ]
}

const all = (conditions: readonly Sql[]): Sql | null =>
  conditions.length === 0 ? null : joined(conditions, ' and ')

/** A range is one of values: rows without a first one lie outside it, rows without a later one do not. */
function nullsOf(
  { dialect, columns }: PhaseOrder,
  nullable: readonly StoreColumn[],
  isRange: boolean,
): Sql | null {
  const asked = isRange ? nullable.filter((column) => column !== columns[0]) : nullable
  if (asked.length === 0) return null
  const isNull = asked.map((column) => raw(`${dialect.quote(column.name)} is null`))
  return sql`(${joined(isNull, ' or ')})`
}

function rangeOf({ dialect, columns }: PhaseOrder, range: ReadBounds['range']): Sql[] {
  const [first] = columns
  if (!first || !range) return []
  const name = raw(dialect.quote(first.name))
  return [
    ...(range.from === undefined ? [] : [sql`${name} >= ${dialect.bound(first, range.from)}`]),
    ...(range.to === undefined ? [] : [sql`${name} < ${dialect.bound(first, range.to)}`]),
  ]
}

/** Texts cannot be stepped back from: a cursor of texts has no overlap but its own ties. */
function overlapOf(
  order: PhaseOrder,
  overlap: number,
  after: readonly string[] | null,
): Sql[] | null {
  const { dialect, columns, isUnique } = order
  const [first] = columns
  const [value] = after ?? []
  if (!first || value === undefined || !after || overlap <= 0 || first.sort === 'text') return null
  const name = raw(dialect.quote(first.name))
  return [
    sql`${name} >= ${dialect.earlier(first, value, overlap)}`,
    compared(order, isUnique ? '<=' : '<', after),
  ]
}

type Comparison = '>' | '>=' | '<' | '<='

function compared(order: PhaseOrder, comparison: Comparison, values: readonly string[]): Sql {
  const { dialect, columns } = order
  const sides = columns.map((column, at) => ({
    name: raw(dialect.quote(column.name)),
    value: dialect.bound(column, values[at] ?? ''),
  }))
  const [only] = sides
  if (only && sides.length === 1) return sql`${only.name} ${raw(comparison)} ${only.value}`
  if (!dialect.hasRowValues) return expanded(sides, comparison)
  const names = joined(
    sides.map(({ name }) => name),
    ', ',
  )
  const bound = joined(
    sides.map(({ value }) => value),
    ', ',
  )
  return sql`(${names}) ${raw(comparison)} (${bound})`
}

/**
 * `(a, b) > (x, y)` for stores without row values: `a >= x and (a > x or (a = x and b > y))`. The first
 * condition repeats what follows from the second, and lets an index on `a` be used.
 */
function expanded(sides: readonly { name: Sql; value: Sql }[], comparison: Comparison): Sql {
  const [first, ...rest] = sides
  if (!first) return raw('1 = 1')
  const { name, value } = first
  if (rest.length === 0) return sql`${name} ${raw(comparison)} ${value}`
  const strict = raw(comparison.slice(0, 1))
  const tail = expanded(rest, comparison)
  return sql`${name} ${strict}= ${value} and (${name} ${strict} ${value} or (${name} = ${value} and ${tail}))`
}
