import type { FieldType } from '../../../schemas/field.ts'
import type { ColumnSort, SqlDialect, StoreColumn, TableFacts, TableName } from '../sql/dialect.ts'
import type { SqlSession } from '../sql/session.ts'
import { raw, sql, value } from '../sql/sql-text.ts'
import { zoneReader } from '../sql/zone-text.ts'

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const sqliteDialect: SqlDialect = {
  quote,
  placeholder: () => '?',
  hasRowValues: true,
  cell: ({ name, type }) =>
    type === 'boolean'
      ? `case ${quote(name)} when 0 then 'false' when 1 then 'true' else ${quote(name)} end`
      : quote(name),
  position: ({ name, nativeType }) => (isBinary(nativeType) ? `hex(${quote(name)})` : quote(name)),
  bound({ nativeType, sort }, text) {
    if (isBinary(nativeType)) return sql`unhex(${value(text)})`
    return sort === 'number' ? sql`cast(${value(text)} as numeric)` : value(text)
  },
  earlier({ sort }, text, overlap) {
    if (sort === 'number') return sql`(cast(${value(text)} as numeric) - ${value(overlap)})`
    const form = sort === 'date' ? '%Y-%m-%d' : '%Y-%m-%d %H:%M:%f'
    return sql`ifnull(strftime(${value(form)}, ${value(text)}, ${value(`-${overlap} seconds`)}), ${value(text)})`
  },
  first: (select, count) => sql`${select} limit ${raw(String(count))}`,
  finish: ({ sort }, zone) =>
    sort === 'time' && zone !== undefined ? zoneReader(zone) : undefined,
  // Texts without a zone are the machine's own clock, as everywhere.
  secondsAgo: (_, seconds) => `datetime('now', 'localtime', '-${seconds} seconds')`,
  hasMultipleValues: true,
  types: { text: 'text', shortText: 'text', count: 'integer', instant: 'text' },
  now: `strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`,
}

const isBinary = (nativeType: string): boolean => nativeType.toLowerCase() === 'blob'

interface ColumnRow {
  name: string
  type: string
  required: string
  key: string
}

/** Null where there is no table or view of that name. */
export async function tableFacts(
  session: SqlSession,
  { schema, name }: TableName,
): Promise<TableFacts | null> {
  const place = [name, schema ?? 'main']
  const columns = await session.query<ColumnRow>(
    `select name, type, "notnull" as required, pk as key from pragma_table_info(?, ?) order by cid`,
    place,
  )
  if (columns.length === 0) return null
  const unique = await session.query<{ columns: string; nullable: string }>(uniqueQuery, [
    ...place,
    schema ?? 'main',
    ...place,
  ])
  const primary = columns
    .filter(({ key }) => key !== '0')
    .sort((left, right) => Number(left.key) - Number(right.key))
    .map(({ name }) => name)
  const others = unique
    .filter(({ nullable }) => nullable === '0')
    .map(({ columns }) => columns.split('\n'))
  const isPrimary = (key: readonly string[]): boolean => key.join('\n') === primary.join('\n')
  return {
    columns: columns.map(columnOf),
    keys: [...(primary.length > 0 ? [primary] : []), ...others.filter((key) => !isPrimary(key))],
    rowEstimate: null,
  }
}

const uniqueQuery = `
  select group_concat(i.name, char(10)) as columns, sum(i.name is null or c."notnull" = 0) as nullable
  from pragma_index_list(?, ?) l
  join pragma_index_info(l.name, ?) i
  left join pragma_table_info(?, ?) c on c.name = i.name
  where l."unique" = 1 and l.partial = 0
  group by l.name`

/** SQLite lets a primary key be null unless it is the row's own number; null is never among cursors here. */
const columnOf = ({ name, type, required, key }: ColumnRow): StoreColumn => ({
  name,
  nativeType: type.toLowerCase(),
  type: typeOf(type.toLowerCase()),
  isNullable: required === '0' && key === '0',
  sort: sortOf(type.toLowerCase()),
})

function sortOf(type: string): ColumnSort {
  if (/timestamp|datetime/.test(type)) return 'time'
  if (type === 'date') return 'date'
  return /int|real|floa|doub|numeric|decimal/.test(type) ? 'number' : 'text'
}

function typeOf(type: string): FieldType {
  if (/bool/.test(type)) return 'boolean'
  if (/timestamp|datetime/.test(type)) return 'datetime'
  if (type === 'date') return 'date'
  if (/int/.test(type)) return 'integer'
  if (/real|floa|doub|numeric|decimal/.test(type)) return 'decimal'
  return type === 'json' ? 'object' : 'text'
}
