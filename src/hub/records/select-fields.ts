import type { Field } from '../../../schemas/field.ts'
import { type Leaf, leavesOf } from './field-paths.ts'
import { quoted } from './record-table.ts'
import { literal } from './sql-conditions.ts'

export interface Selection {
  /** Expressions over the row's alias, in order. */
  expressions(alias: string): string[]
  /** The record out of a row's cells, beginning at `offset`; fields without a value are left out. */
  record(row: readonly unknown[], offset: number): Record<string, unknown>
}

/** The SQL and the reader of some leaves: nothing beyond them leaves the database. */
export function selectFields(fields: readonly Field[], paths: readonly string[]): Selection {
  const chosen = new Set(paths)
  const leaves = [...leavesOf(fields).values()].filter(({ path }) => chosen.has(path))
  const columns = [...Map.groupBy(leaves, ({ column }) => column)]
  const names = columns.map(([column]) => column.name)
  return {
    expressions: (alias) => columns.map(([column, parts]) => expression(alias, column, parts)),
    record: (row, offset) => {
      const record: Record<string, unknown> = {}
      names.forEach((name, place) => {
        const value = row[offset + place]
        if (value !== null) record[name] = value
      })
      return record
    },
  }
}

function expression(alias: string, column: Field, parts: readonly Leaf[]): string {
  const name = `${alias}.${quoted(column.name)}`
  if (!column.fields || parts.length === column.fields.length) return name
  const members = parts.flatMap(({ child }) =>
    child ? [`${literal(child.name)}, part.value -> ${literal(child.name)}`] : [],
  )
  const part = `jsonb_strip_nulls(jsonb_build_object(${members.join(', ')}))`
  if (column.type !== 'array') {
    return `(select ${part} from (select ${name}) part (value) where part.value is not null)`
  }
  return `(select jsonb_agg(${part} order by part.place) from jsonb_array_elements(${name}) with ordinality part (value, place))`
}
