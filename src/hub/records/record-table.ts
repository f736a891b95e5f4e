import type { Field, Standard } from '../../../schemas/field.ts'

/**
 * One typed table per published resource, made from its fields. Tables are called by number
 * (`records.r_17`), since a slug of 63 characters would leave no room for the names beside it.
 *
 *   r_17              one row a merge key: business columns, then the system columns below
 *   r_17_aliases      former values of look-up fields, so that a former number still finds its record
 *   r_17_departures   former values of the fields that grants filter rows by: a record that leaves a
 *                     grant's rows must reach its followers as a deletion
 *   r_17_history      former versions, for resources of a standard that keeps them
 */
export interface RecordTable {
  number: number
  fields: readonly Field[]
  history: boolean
  versionField: string | null
  overlap: Standard['overlap'] | null
  /** Look-up fields that may serve as merge key: two current records with one value are `key-shared`. */
  identityFields: readonly string[]
}

/** How a look-up reaches its value: a column, a list of texts, or a field of a child list. */
export interface Lookup {
  path: string
  column: string
  kind: 'column' | 'texts' | 'child'
  child: string | null
}

const columnTypes: Record<Field['type'], string> = {
  text: 'text',
  integer: 'bigint',
  decimal: 'numeric',
  date: 'date',
  datetime: 'timestamptz',
  boolean: 'boolean',
  object: 'jsonb',
  array: 'jsonb',
}

/** Field names are checked by the catalog; quoting here keeps their case and is the second lock. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const recordsName = (number: number): string => `records.r_${number}`
export const aliasesName = (number: number): string => `records.r_${number}_aliases`
export const departuresName = (number: number): string => `records.r_${number}_departures`
export const historyName = (number: number): string => `records.r_${number}_history`

const systemColumns = `
  _key text not null,
  _status text not null,
  _seq bigint not null,
  _hash bytea not null,
  _run uuid not null,
  _source_at timestamptz,
  _received_at timestamptz not null,
  _quality jsonb,
  _flags text[],
  _refused_at timestamptz`

const businessColumn = (field: Field): string => `${quoted(field.name)} ${columnTypes[field.type]}`

/** Every way to find a record beside its merge key, children included. */
export function lookupsOf(fields: readonly Field[]): Lookup[] {
  return fields.flatMap((field): Lookup[] => {
    if (field.fields) {
      return field.fields
        .filter((child) => child.lookup)
        .map((child) => ({
          path: `${field.name}.${child.name}`,
          column: field.name,
          kind: 'child',
          child: child.name,
        }))
    }
    if (!field.lookup && !field.indexed) return []
    const kind = field.type === 'array' ? 'texts' : 'column'
    return [{ path: field.name, column: field.name, kind, child: null }]
  })
}

/** Index statements of a table; every name carries the table's number and the column's place. */
function indexStatements(
  table: RecordTable,
  fields: readonly Field[],
  concurrently: boolean,
): string[] {
  const columns = new Set(lookupsOf(fields).map((lookup) => lookup.column))
  const once = concurrently ? 'concurrently if not exists' : 'if not exists'
  return fields
    .filter((field) => columns.has(field.name))
    .map((field) => {
      const place = table.fields.findIndex(({ name }) => name === field.name)
      const isList = field.type === 'array' || field.type === 'object'
      const method = isList
        ? `using gin (${quoted(field.name)} jsonb_path_ops)`
        : `(${quoted(field.name)})`
      // Most records have no former number: rows without a value need no index entry.
      return `create index ${once} r_${table.number}_c${place} on ${recordsName(table.number)} ${method} where ${quoted(field.name)} is not null`
    })
}

/** The statements that create a resource's tables, in order. */
export function createStatements(table: RecordTable): string[] {
  const business = table.fields.map((field) => `,\n  ${businessColumn(field)}`).join('')
  const name = recordsName(table.number)
  const statements = [
    `create table ${name} (${systemColumns}${business},\n  primary key (_key))`,
    `create index r_${table.number}_seq on ${name} (_seq)`,
    `create index r_${table.number}_flagged on ${name} (_key) where _flags is not null`,
    `create table ${aliasesName(table.number)} (value text not null, field text not null, _key text not null, primary key (value, field, _key))`,
    `create index r_${table.number}_aliases_key on ${aliasesName(table.number)} (_key)`,
    `create table ${departuresName(table.number)} (_seq bigint not null, _key text not null, former jsonb not null, left_at timestamptz not null default now(), primary key (_key, _seq))`,
    ...indexStatements(table, table.fields, false),
  ]
  if (table.history) {
    statements.push(
      `create table ${historyName(table.number)} (${systemColumns}${business},\n  _until timestamptz not null,\n  primary key (_key, _seq))`,
    )
  }
  return statements
}

/** A revision adds columns; texts have no length in the table, so that widening a field rewrites nothing. */
export function alterStatements(table: RecordTable, added: readonly Field[]): string[] {
  if (added.length === 0) return []
  const clauses = added
    .map((field) => `add column if not exists ${businessColumn(field)}`)
    .join(', ')
  const statements = [`alter table ${recordsName(table.number)} ${clauses}`]
  if (table.history) statements.push(`alter table ${historyName(table.number)} ${clauses}`)
  return statements
}

/** Indexes of added fields are built outside of any transaction, so that no writer waits for them. */
export const addedIndexStatements = (table: RecordTable, added: readonly Field[]): string[] =>
  indexStatements(table, added, true)

/** The temporary stage of one connection: COPY fills it, the merge reads it, the commit empties it. */
export function stageStatement(table: RecordTable, stage: string): string {
  const business = table.fields.map((field) => `, ${businessColumn(field)}`).join('')
  return `create temporary table if not exists ${stage} (_ordinal integer not null, _key text not null, _op "char" not null, _status text not null, _source_at timestamptz, _hash bytea not null, _quality jsonb${business}) on commit delete rows`
}

/** The source's own clock says when it wrote a row, not what the row says: no part of what makes it changed. */
const clockField = 'sourceUpdatedAt'
export const isClock = (field: Field): boolean => field.name === clockField

/** The order in which a row's cells are staged: facts first, then what stays out of the hash. */
export const stagedFields = (fields: readonly Field[]): { facts: Field[]; clocks: Field[] } => ({
  facts: fields.filter((field) => !isClock(field)),
  clocks: fields.filter(isClock),
})

const stagedBusiness = (table: RecordTable): string[] => {
  const { facts, clocks } = stagedFields(table.fields)
  return [...facts, ...clocks].map(({ name }) => quoted(name))
}

/** Columns of a stage's line; from `_key` on, a line copied straight into the records has the same. */
const lineColumns = ['_key', '_status', '_source_at', '_hash', '_quality']

export const stageColumns = (table: RecordTable): string =>
  ['_ordinal', '_op', ...lineColumns, ...stagedBusiness(table)].join(', ')

export const freshColumns = (table: RecordTable): string =>
  ['_seq', '_run', '_received_at', ...lineColumns, ...stagedBusiness(table)].join(', ')
