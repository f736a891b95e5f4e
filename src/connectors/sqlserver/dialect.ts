import type { FieldType } from '../../../schemas/field.ts'
import type { ColumnSort, SqlDialect, StoreColumn, TableFacts, TableName } from '../sql/dialect.ts'
import type { SqlSession } from '../sql/session.ts'
import { raw, sql, value } from '../sql/sql-text.ts'
import { zoneReader } from '../sql/zone-text.ts'

const quote = (name: string): string => `[${name.replaceAll(']', ']]')}]`

const isBinary = (nativeType: string): boolean =>
  /binary|^timestamp|^rowversion|^image/.test(nativeType)

export const sqlserverDialect: SqlDialect = {
  quote,
  placeholder: (index) => `@p${index}`,
  hasRowValues: false,
  cell(column) {
    const name = quote(column.name)
    if (column.type === 'boolean') return `case ${name} when 1 then 'true' when 0 then 'false' end`
    return column.sort === 'instant'
      ? `replace(${instant(name)}, ' ', 'T') + 'Z'`
      : textOf(name, column)
  },
  position: (column) =>
    column.sort === 'instant' ? instant(quote(column.name)) : textOf(quote(column.name), column),
  bound({ nativeType, sort }, text) {
    if (isBinary(nativeType)) return sql`convert(varbinary(8000), ${value(text)}, 2)`
    if (sort === 'instant')
      return sql`todatetimeoffset(convert(datetime2(7), ${value(text)}, 121), 0)`
    if (sort === 'text') return value(text)
    // A DATETIME is compared in its own steps of 1/300 s.
    return sql`convert(${raw(sort === 'number' ? exactType(nativeType) : nativeType)}, ${value(text)}${raw(sort === 'number' ? '' : ', 121')})`
  },
  earlier(column, text, overlap) {
    const bound = sqlserverDialect.bound(column, text)
    if (column.sort === 'number') return sql`(${bound} - ${value(overlap)})`
    return sql`dateadd(second, ${value(-overlap)}, ${bound})`
  },
  first: (select, count) => ({
    ...select,
    texts: select.texts.map((text, at) =>
      at === 0 ? text.replace(/^select /, `select top (${count}) `) : text,
    ),
  }),
  finish: ({ nativeType, sort }, zone) => {
    if (isBinary(nativeType)) return (hex) => Buffer.from(hex, 'hex').toString('base64')
    return sort === 'time' && zone !== undefined ? zoneReader(zone) : undefined
  },
  secondsAgo: ({ sort }, seconds) =>
    `dateadd(second, -${seconds}, ${sort === 'instant' ? 'sysdatetimeoffset()' : 'sysdatetime()'})`,
  hasMultipleValues: true,
  types: {
    text: 'nvarchar(max)',
    shortText: 'nvarchar(200)',
    count: 'bigint',
    instant: 'datetime2(3)',
  },
  now: 'sysutcdatetime()',
}

const instant = (name: string): string =>
  `convert(nvarchar(33), convert(datetime2(7), switchoffset(${name}, 0)), 121)`

const exactType = (nativeType: string): string =>
  /^(?:decimal|numeric|money|smallmoney)/.test(nativeType) ? 'decimal(38, 10)' : nativeType

function textOf(name: string, { nativeType, sort }: StoreColumn): string {
  if (isBinary(nativeType)) return `convert(varchar(max), convert(varbinary(max), ${name}), 2)`
  if (sort === 'date') return `convert(nvarchar(10), ${name}, 23)`
  if (sort === 'time') return `convert(nvarchar(33), ${name}, 121)`
  // Style 3 writes all digits of a float, style 2 all four decimals of money.
  if (/^(?:float|real)/.test(nativeType)) return `convert(nvarchar(40), ${name}, 3)`
  if (/money/.test(nativeType)) return `convert(nvarchar(40), ${name}, 2)`
  return /char|text/.test(nativeType) ? name : `convert(nvarchar(max), ${name})`
}

interface ColumnRow {
  name: string
  type: string
  nullable: number
}

/** Null where there is no table or view of that name, or none that may be seen. */
export async function tableFacts(
  session: SqlSession,
  { schema, name }: TableName,
): Promise<TableFacts | null> {
  const object = `${schema === null ? '' : `${quote(schema)}.`}${quote(name)}`
  const columns = await session.query<ColumnRow>(columnsQuery, [object])
  if (columns.length === 0) return null
  const parts = await session.query<{ key: number; name: string }>(keysQuery, [object])
  const [table] = await session.query<{ n: unknown }>(
    `select sum(rows) as n from sys.partitions where object_id = object_id(@p1) and index_id in (0, 1)`,
    [object],
  )
  return {
    columns: columns.map(columnOf),
    keys: Array.from(Map.groupBy(parts, ({ key }) => key).values(), (key) =>
      key.map(({ name }) => name),
    ),
    rowEstimate: table?.n == null ? null : Number(table.n),
  }
}

const columnsQuery = `
  select c.name, t.name as type, cast(c.is_nullable as int) as nullable
  from sys.columns c join sys.types t on t.user_type_id = c.system_type_id
  where c.object_id = object_id(@p1) order by c.column_id`

const keysQuery = `
  select i.index_id as [key], c.name
  from sys.indexes i
  join sys.index_columns p on p.object_id = i.object_id and p.index_id = i.index_id
  join sys.columns c on c.object_id = i.object_id and c.column_id = p.column_id
  where i.object_id = object_id(@p1) and i.is_unique = 1 and i.has_filter = 0
    and p.is_included_column = 0 and not exists (
      select 1 from sys.index_columns q
      join sys.columns d on d.object_id = q.object_id and d.column_id = q.column_id
      where q.object_id = i.object_id and q.index_id = i.index_id and d.is_nullable = 1
        and q.is_included_column = 0)
  order by i.is_primary_key desc, i.index_id, p.key_ordinal`

const columnOf = ({ name, type, nullable }: ColumnRow): StoreColumn => ({
  name,
  nativeType: type,
  type: typeOf(type),
  isNullable: nullable !== 0,
  sort: sortOf(type),
})

function sortOf(type: string): ColumnSort {
  if (type === 'datetimeoffset') return 'instant'
  if (/datetime/.test(type)) return 'time'
  if (type === 'date') return 'date'
  return /int|decimal|numeric|money|float|real|^bit$/.test(type) ? 'number' : 'text'
}

function typeOf(type: string): FieldType {
  if (type === 'bit') return 'boolean'
  if (/datetime/.test(type)) return 'datetime'
  if (type === 'date') return 'date'
  if (/int/.test(type)) return 'integer'
  return /decimal|numeric|money|float|real/.test(type) ? 'decimal' : 'text'
}
