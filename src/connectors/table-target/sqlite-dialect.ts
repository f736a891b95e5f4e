import type { FieldType } from '../../../schemas/field.ts'
import type { SqlSession } from '../sql/session.ts'
import {
  type Cell,
  createText,
  type ExistingColumn,
  keysOf,
  quotedList,
  quotedName,
  slices,
  type TableColumn,
  type TablePlan,
  type TargetDialect,
} from './dialect.ts'

const rowsPerStatement = 2_000

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * SQLite keeps a decimal of more than 15 digits exact only as text, and turns one in a column called
 * `decimal` into a float; a type's name with TEXT in it gives the column text affinity
 * (SQLite, “Datatypes”, §3.1), and still says what it holds.
 */
const types: Record<FieldType, string> = {
  text: 'text',
  integer: 'bigint',
  decimal: 'decimal_text',
  date: 'date_text',
  datetime: 'datetime_text',
  boolean: 'boolean',
  object: 'json_text',
  array: 'json_text',
}

const columnType = ({ type, length }: TableColumn): string =>
  type === 'text' && length !== undefined ? `text(${length})` : types[type]

type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric'

/** The rules of “Datatypes”, §3.1, in their order. */
function affinityOf(type: string): Affinity {
  if (type.includes('int')) return 'integer'
  if (/char|clob|text/.test(type)) return 'text'
  if (type === '' || type.includes('blob')) return 'blob'
  return /real|floa|doub/.test(type) ? 'real' : 'numeric'
}

const accepted: Record<FieldType, readonly Affinity[]> = {
  text: ['text', 'blob'],
  integer: ['integer', 'numeric'],
  decimal: ['text', 'blob'],
  date: ['text', 'blob', 'numeric'],
  datetime: ['text', 'blob', 'numeric'],
  boolean: ['integer', 'numeric'],
  object: ['text', 'blob'],
  array: ['text', 'blob'],
}

/** Rows as one JSON text: one prepared statement for any number of them. */
const insertText = ({ table, columns }: TablePlan): string => {
  const names = columns.map(({ name }) => name)
  const cells = columns.map((_, index) => `json_extract(d.value, '$[${index}]')`)
  return `insert into ${quotedName(sqliteTarget, table)} as t (${quotedList(sqliteTarget, names)})
    select ${cells.join(', ')} from json_each(?) d where true`
}

const upsertText = (plan: TablePlan): string => {
  const names = plan.columns.map(({ name }) => quote(name)).filter((name) => name !== '"_key"')
  return `${insertText(plan)}
    on conflict ("_key") do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}
    where t."_generation" < excluded."_generation" or t."_seq" <= excluded."_seq"`
}

async function run(session: SqlSession, text: string, rows: readonly Cell[][]): Promise<void> {
  for (const slice of slices(rows, rowsPerStatement))
    await session.execute(text, [JSON.stringify(slice)])
}

export const sqliteTarget: TargetDialect = {
  quote,
  parameter: () => '?',
  settle: async () => undefined,
  defaultSchema: async () => 'main',
  create: async (session, plan) => {
    const define = (column: TableColumn): string =>
      columnType(column) + (column.isRequired ? ' not null' : '')
    await session.execute(createText(sqliteTarget, plan, define))
  },
  describe: async (session, { schema, name }) => {
    const columns = await session.query<Record<string, string | null>>(columnsText, [name, schema])
    if (columns.length === 0) return null
    const keys = await session.query<{ key: string; name: string }>(keysText, [name, schema])
    const primary = columns
      .filter((row) => Number(row['part']) > 0)
      .toSorted((a, b) => Number(a['part']) - Number(b['part']))
      .map((row) => String(row['name']))
    return {
      columns: columns.map(existingColumn),
      uniqueKeys: [...keysOf(keys), ...(primary.length > 0 ? [primary] : [])],
    }
  },
  fits: ({ type }, existing) => accepted[type].includes(affinityOf(existing.type)),
  textOf: (value, { type }) =>
    type === 'boolean' ? (String(value) === 'true' ? '1' : '0') : String(value),
  insert: (session, plan, rows) => run(session, insertText(plan), rows),
  upsert: (session, plan, rows) => run(session, upsertText(plan), rows),
  remove: async (session, table, removals, generation) => {
    const name = quotedName(sqliteTarget, table)
    await session.execute(
      `delete from ${name} where "_key" in (
         select t."_key" from json_each(?) d join ${name} t on t."_key" = json_extract(d.value, '$[0]')
         where t."_generation" < cast(? as integer) or t."_seq" <= json_extract(d.value, '$[1]'))`,
      [JSON.stringify(removals.map(({ key, seq }) => [key, seq])), String(generation)],
    )
  },
  /** The whole file is locked by the first write of a transaction, here one that changes nothing. */
  lock: async (session, { table, column, value, columns }) => {
    const where = `where ${quote(column)} = ?`
    const name = quotedName(sqliteTarget, table)
    await session.execute(`update ${name} set ${quote(column)} = ${quote(column)} ${where}`, [
      value,
    ])
    return session.query(`select ${quotedList(sqliteTarget, columns)} from ${name} ${where}`, [
      value,
    ])
  },
}

const existingColumn = (row: Record<string, string | null>): ExistingColumn => ({
  name: String(row['name']),
  type: String(row['type']).toLowerCase(),
  inWords: String(row['type']).toLowerCase(),
  length: null,
  precision: null,
  scale: null,
  collation: null,
  isRequired: Number(row['required']) > 0,
  isFilled: row['filled'] != null || Number(row['hidden']) > 0 || isRowId(row),
})

const isRowId = (row: Record<string, string | null>): boolean =>
  Number(row['part']) === 1 && String(row['type']).toLowerCase() === 'integer'

const columnsText = `
  select name, type, "notnull" as required, dflt_value as filled, hidden, pk as part
  from pragma_table_xinfo(?, ?)`

const keysText = `
  select l.name as "key", i.name as name
  from (select ? as target, ? as home) a
    join pragma_index_list(a.target, a.home) l
    join pragma_index_info(l.name, a.home) i
  where l."unique" and not l.partial
  order by l.name, i.seqno`
