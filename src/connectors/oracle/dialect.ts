import type { FieldType } from '../../../schemas/field.ts'
import type { ColumnSort, SqlDialect, StoreColumn, TableFacts, TableName } from '../sql/dialect.ts'
import type { SqlSession } from '../sql/session.ts'
import { raw, sql, value } from '../sql/sql-text.ts'
import { zoneReader } from '../sql/zone-text.ts'

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
const secondForm = 'YYYY-MM-DD HH24:MI:SS'
const finerForm = `${secondForm}.FF`

/** Oracle and 达梦 alike: names without quotes are capitals, and an empty text is null. */
export const oracleDialect: SqlDialect = {
  quote,
  fold: (name) => (name === name.toLowerCase() ? name.toUpperCase() : name),
  placeholder: (index) => `:${index}`,
  hasRowValues: false,
  cell: (column) => {
    const text = oracleDialect.position(column)
    return column.sort === 'instant' ? `replace(${text}, ' ', 'T') || 'Z'` : text
  },
  position: ({ name, nativeType, sort }) => textOf(quote(name), nativeType, sort),
  bound({ nativeType, sort }, text) {
    if (isBinary(nativeType)) return sql`hextoraw(${value(text)})`
    if (sort === 'number') return sql`cast(${value(text)} as number)`
    if (sort === 'date') return sql`to_date(${value(text)}, 'YYYY-MM-DD')`
    if (sort === 'instant') {
      return sql`to_timestamp_tz(${value(`${text} +00:00`)}, ${raw(`'${finerForm} TZH:TZM'`)})`
    }
    if (sort === 'text') return value(text)
    return isWholeSecond(nativeType)
      ? sql`to_date(${value(text)}, ${raw(`'${secondForm}'`)})`
      : sql`to_timestamp(${value(text)}, ${raw(`'${finerForm}'`)})`
  },
  earlier(column, text, overlap) {
    const bound = oracleDialect.bound(column, text)
    return column.sort === 'number'
      ? sql`(${bound} - ${value(overlap)})`
      : sql`(${bound} - numtodsinterval(${value(overlap)}, 'SECOND'))`
  },
  first: (select, count) => sql`select * from (${select}) where rownum <= ${raw(String(count))}`,
  finish: ({ nativeType, sort }, zone) => {
    if (isBinary(nativeType)) return (hex) => Buffer.from(hex, 'hex').toString('base64')
    if (sort === 'number') return withZero
    return sort === 'time' && zone !== undefined ? zoneReader(zone) : undefined
  },
  secondsAgo: ({ sort }, seconds) => {
    const clock = sort === 'instant' ? 'systimestamp' : 'cast(systimestamp as timestamp)'
    return `(${clock} - numtodsinterval(${seconds}, 'SECOND'))`
  },
  hasMultipleValues: false,
  types: {
    text: 'clob',
    shortText: 'varchar2(400)',
    count: 'number(19)',
    instant: 'timestamp(3)',
  },
  now: 'sys_extract_utc(systimestamp)',
}

const isBinary = (nativeType: string): boolean => /^(?:raw|varbinary|binary)/.test(nativeType)

/** Oracle's DATE holds seconds; 达梦's holds a day and is told by its sort. */
const isWholeSecond = (nativeType: string): boolean => /^(?:date|datetime\(0\))$/.test(nativeType)

/** Oracle writes 0.5 as `.5`. */
const withZero = (text: string): string => text.replace(/^(-?)\./, '$10.')

function textOf(name: string, nativeType: string, sort: ColumnSort): string {
  if (isBinary(nativeType)) return `rawtohex(${name})`
  if (sort === 'date') return `to_char(${name}, 'YYYY-MM-DD')`
  if (sort === 'instant') return `to_char(sys_extract_utc(${name}), '${finerForm}')`
  if (sort === 'time') {
    return `to_char(${name}, '${isWholeSecond(nativeType) ? secondForm : finerForm}')`
  }
  return sort === 'number' ? `to_char(${name})` : name
}

interface ColumnRow {
  name: string
  type: string
  precision: string | number | null
  scale: string | number | null
  nullable: string
}

/** Reads the catalog views that both stores have. `dayOnly`: a DATE has no time of day (达梦). */
export const oracleFacts =
  (dayOnly: boolean) =>
  async (session: SqlSession, { schema, name }: TableName): Promise<TableFacts | null> => {
    const owner = schema ?? (await currentSchema(session))
    const columns = await session.query<ColumnRow>(columnsQuery, [owner, name])
    if (columns.length === 0) return null
    const parts = await session.query<{ key: string; name: string; kind: string }>(keysQuery, [
      owner,
      name,
    ])
    const [table] = await session.query<{ n: string | number | null }>(
      `select num_rows as "n" from all_tables where owner = :1 and table_name = :2`,
      [owner, name],
    )
    const described = columns.map((column) => columnOf(column, dayOnly))
    return {
      columns: described,
      keys: keysOf(parts, described),
      rowEstimate: table?.n == null ? null : Number(table.n),
    }
  }

const currentSchema = async (session: SqlSession): Promise<string> => {
  const [row] = await session.query<{ owner: string }>(
    `select sys_context('USERENV', 'CURRENT_SCHEMA') as "owner" from dual`,
  )
  return row?.owner ?? ''
}

const columnsQuery = `
  select column_name as "name", data_type as "type", data_precision as "precision",
         data_scale as "scale", nullable as "nullable"
  from all_tab_columns where owner = :1 and table_name = :2 order by column_id`

const keysQuery = `
  select c.constraint_name as "key", p.column_name as "name", c.constraint_type as "kind"
  from all_constraints c
  join all_cons_columns p on p.owner = c.owner and p.constraint_name = c.constraint_name
  where c.owner = :1 and c.table_name = :2 and c.constraint_type in ('P', 'U')
  order by c.constraint_type, c.constraint_name, p.position`

function keysOf(
  parts: readonly { key: string; name: string }[],
  columns: readonly StoreColumn[],
): string[][] {
  const nullable = new Set(columns.filter(({ isNullable }) => isNullable).map(({ name }) => name))
  return Array.from(Map.groupBy(parts, ({ key }) => key).values())
    .map((key) => key.map(({ name }) => name))
    .filter((key) => !key.some((name) => nullable.has(name)))
}

function columnOf(column: ColumnRow, dayOnly: boolean): StoreColumn {
  const nativeType = column.type.toLowerCase()
  const sort = sortOf(nativeType, dayOnly)
  return {
    name: column.name,
    nativeType,
    type: typeOf(sort, column),
    isNullable: column.nullable !== 'N',
    sort,
  }
}

function sortOf(nativeType: string, dayOnly: boolean): ColumnSort {
  if (/with (?:local )?time zone/.test(nativeType)) return 'instant'
  if (nativeType === 'date') return dayOnly ? 'date' : 'time'
  if (/^(?:timestamp|datetime)/.test(nativeType)) return 'time'
  return /^(?:number|float|binary_|int|bigint|smallint|tinyint|byte|dec|numeric|double|real|bit)/.test(
    nativeType,
  )
    ? 'number'
    : 'text'
}

function typeOf(sort: ColumnSort, { scale, precision }: ColumnRow): FieldType {
  if (sort === 'date') return 'date'
  if (sort === 'time' || sort === 'instant') return 'datetime'
  if (sort === 'text') return 'text'
  return precision !== null && Number(scale) === 0 ? 'integer' : 'decimal'
}
