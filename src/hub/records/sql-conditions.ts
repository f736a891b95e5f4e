import { quoted } from './record-table.ts'
import { sqlTypes } from './field-values.ts'
import type { Leaf } from './field-paths.ts'

/**
 * Collects a statement's fixed parameters behind those that come with each call: values stay out of the
 * text, so that grants share statements.
 */
export class Parameters {
  readonly values: unknown[] = []
  readonly #first: number

  constructor(callCount: number) {
    this.#first = callCount + 1
  }

  /** Adds one and answers its place, `$3`. */
  add(value: unknown): string {
    this.values.push(value)
    return `$${this.#first + this.values.length - 1}`
  }
}

/** How SQL reaches the value of a leaf: by the column of an alias, or by a JSON expression instead of it. */
export interface Source {
  scalar(name: string, type: string): string
  json(name: string): string
}

/** The columns of a row of the record table or its history. */
export const rowSource = (alias: string): Source => ({
  scalar: (name) => `${alias}.${quoted(name)}`,
  json: (name) => `${alias}.${quoted(name)}`,
})

/**
 * True where the leaf has one of the values; a child list where one of its entries does, a list of texts
 * where it holds one of them. No value is never among them, so that what is unknown is not shown.
 */
export function isAmong(leaf: Leaf, list: string, source: Source): string {
  const { column, child } = leaf
  if (child) {
    const type = sqlTypes[child.type]
    const entries =
      column.type === 'array'
        ? `jsonb_array_elements(case jsonb_typeof(${source.json(column.name)}) when 'array' then ${source.json(column.name)} end)`
        : `(select ${source.json(column.name)}) one`
    const alias = column.type === 'array' ? 'entry (value)' : '(value)'
    return `exists (select from ${entries} ${alias} where (value ->> ${literal(child.name)})::${type} = any(${list}::${type}[]))`
  }
  if (column.type === 'array') {
    return `coalesce(${source.json(column.name)} ?| ${list}::text[], false)`
  }
  const type = sqlTypes[column.type]
  return `coalesce(${source.scalar(column.name, type)} = any(${list}::${type}[]), false)`
}

/** The same for one value, in the form that the column's index answers. */
export function equals(leaf: Leaf, parameter: string, alias: string): string {
  const { column, child } = leaf
  const name = `${alias}.${quoted(column.name)}`
  if (child) {
    const type = sqlTypes[child.type]
    // A decimal is kept as a string of digits within JSON, as `schemas/field.ts` says.
    const kept = ['bigint', 'boolean'].includes(type) ? type : 'text'
    const entry = `jsonb_build_object(${literal(child.name)}, ${parameter}::text::${kept})`
    return `${name} @> ${column.type === 'array' ? `jsonb_build_array(${entry})` : entry}`
  }
  if (column.type === 'array') return `${name} @> jsonb_build_array(${parameter}::text)`
  return `${name} = ${parameter}::text::${sqlTypes[column.type]}`
}

/** Field names are checked by the catalog; escaping is the second lock. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
