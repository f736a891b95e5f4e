import type { ColumnSort, SqlDialect, StoreColumn } from '../sql/dialect.ts'
import { raw, sql, value } from '../sql/sql-text.ts'
import { zoneReader } from '../sql/zone-text.ts'

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``

const isBinary = (nativeType: string): boolean => /^(?:var)?binary|blob$|blob\(/.test(nativeType)

export const mysqlDialect: SqlDialect = {
  quote,
  placeholder: () => '?',
  // MySQL reads `(a, b) > (x, y)` without using an index.
  hasRowValues: false,
  cell: (column) => cellOf(column, quote(column.name)),
  position: ({ name, nativeType }) =>
    isBinary(nativeType) ? `hex(${quote(name)})` : plainText(nativeType, quote(name)),
  bound({ nativeType, sort }, text) {
    if (isBinary(nativeType)) return sql`unhex(${value(text)})`
    if (sort !== 'number') return value(text)
    if (/^(?:float|double)/.test(nativeType)) return sql`(${value(text)} + 0e0)`
    return sql`cast(${value(text)} as ${raw(exactType(nativeType))})`
  },
  earlier(column, text, overlap) {
    if (column.sort === 'number')
      return sql`(${mysqlDialect.bound(column, text)} - ${value(overlap)})`
    return sql`date_sub(cast(${value(text)} as datetime(6)), interval ${value(overlap)} second)`
  },
  first: (select, count) => sql`${select} limit ${raw(String(count))}`,
  finish: ({ sort }, zone) =>
    sort === 'time' && zone !== undefined ? zoneReader(zone) : undefined,
  // The session's clock is UTC, but departments fill a DATETIME by the server's own.
  secondsAgo: ({ sort }, seconds) => {
    const clock = sort === 'instant' ? 'now(6)' : "convert_tz(now(6), '+00:00', @@global.time_zone)"
    return `date_sub(${clock}, interval ${seconds} second)`
  },
  hasMultipleValues: true,
  types: {
    text: 'longtext',
    shortText: 'varchar(200)',
    count: 'bigint',
    instant: 'datetime(3)',
  },
  now: 'utc_timestamp(3)',
}

/** An integer constant of the column's own kind, so that neither digits nor the index are lost. */
function exactType(nativeType: string): string {
  if (nativeType.startsWith('decimal')) return 'decimal(65,30)'
  return /unsigned|^bit|^year/.test(nativeType) ? 'unsigned' : 'signed'
}

function cellOf({ nativeType, sort, type }: StoreColumn, name: string): string {
  if (isBinary(nativeType)) return `replace(to_base64(${name}), '\\n', '')`
  if (type === 'boolean') {
    return `case ${name}+0 when 0 then 'false' when 1 then 'true' else cast(${name}+0 as char) end`
  }
  if (sort === 'instant') return `concat(replace(${withoutZero(name)}, ' ', 'T'), 'Z')`
  return sort === 'date' || sort === 'time' ? withoutZero(name) : plainText(nativeType, name)
}

/** 0000-00-00 says that there is no date; 1999-00-00 says something, and stays as it is written. */
const withoutZero = (name: string): string =>
  `if(left(cast(${name} as char), 10) = '0000-00-00', null, cast(${name} as char))`

function plainText(nativeType: string, name: string): string {
  // As text a FLOAT is rounded to six digits; as a double all of it is seen.
  if (nativeType.startsWith('float')) return `cast(${name} + 0e0 as char)`
  if (nativeType.startsWith('bit')) return `cast(${name} + 0 as char)`
  if (/^(?:geometry|point|linestring|polygon|multi)/.test(nativeType)) return `st_astext(${name})`
  return /^(?:char|varchar|tinytext|text|mediumtext|longtext|enum|set)/.test(nativeType)
    ? name
    : `cast(${name} as char)`
}

/** A TIMESTAMP is an instant and is read in UTC; a DATETIME has no zone of its own. */
export const sortOf = (nativeType: string): ColumnSort => {
  if (nativeType.startsWith('timestamp')) return 'instant'
  if (nativeType.startsWith('datetime')) return 'time'
  if (nativeType === 'date') return 'date'
  return /^(?:tinyint|smallint|mediumint|int|bigint|decimal|float|double|bit|year)/.test(nativeType)
    ? 'number'
    : 'text'
}
