import { raw, sql, value } from '../sql/sql-text.ts'
import type { ColumnSort, SqlDialect, StoreColumn } from '../sql/dialect.ts'

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A value of the column's own type, so that its index serves, but without the type's length. */
const boundType = ({ nativeType }: StoreColumn): string => {
  const bare = nativeType.replace(/\(\d+(?:,-?\d+)?\)/, '')
  return { character: 'bpchar', bit: 'varbit' }[bare] ?? bare
}

const isoInstant = (expression: string): string =>
  `replace(replace((${expression})::text, ' ', 'T'), '+00', 'Z')`

const serverZone = `(select reset_val from pg_catalog.pg_settings where name = 'TimeZone')`

export const postgresDialect: SqlDialect = {
  quote,
  placeholder: (index) => `$${index}`,
  hasRowValues: true,
  cell(column, zone) {
    const name = quote(column.name)
    if (column.sort === 'instant') return isoInstant(name)
    if (column.sort === 'time' && zone !== undefined) {
      return isoInstant(`${name} at time zone '${zone.replaceAll("'", "''")}'`)
    }
    return textOf(column, name)
  },
  position: (column) =>
    column.sort === 'instant' ? isoInstant(quote(column.name)) : textOf(column, quote(column.name)),
  bound: (column, text) => sql`${value(text)}::text::${raw(boundType(column))}`,
  earlier(column, text, overlap) {
    const given = sql`${value(text)}::text::${raw(boundType(column))}`
    if (column.sort === 'number') return sql`(${given} - ${value(overlap)}::numeric)`
    return sql`(${given} - make_interval(secs => ${value(overlap)}))`
  },
  first: (select, count) => sql`${select} limit ${raw(String(count))}`,
  // The session's clock is UTC, but departments fill a zone-less time by the server's own.
  secondsAgo: ({ sort }, seconds) => {
    const clock = `clock_timestamp() - interval '${seconds} seconds'`
    return sort === 'instant' ? `(${clock})` : `((${clock}) at time zone ${serverZone})`
  },
  hasMultipleValues: true,
  types: { text: 'text', shortText: 'varchar(200)', count: 'bigint', instant: 'timestamptz' },
  now: 'now()',
}

function textOf({ nativeType, type }: StoreColumn, name: string): string {
  if (type === 'array') return `to_json(${name})::text`
  if (nativeType === 'bytea') return `replace(encode(${name}, 'base64'), E'\\n', '')`
  if (nativeType === 'money') return `${name}::numeric::text`
  // Blanks that pad char(n) are no part of the value (PostgreSQL documentation, Character Types).
  return type === 'boolean' || nativeType.startsWith('character(') ? `${name}::text` : name
}

/** PostgreSQL's type (`format_type`) → how it is ordered. */
export const sortOf = (nativeType: string): ColumnSort => {
  if (/^timestamp.* with time zone$/.test(nativeType)) return 'instant'
  if (nativeType.startsWith('timestamp')) return 'time'
  if (nativeType === 'date') return 'date'
  return /^(?:smallint|integer|bigint|numeric|real|double precision|oid)/.test(nativeType)
    ? 'number'
    : 'text'
}
