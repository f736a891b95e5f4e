import type { FieldType } from '../../../schemas/field.ts'
import type { SqlSession } from '../sql/session.ts'
import type { StoreColumn, TableFacts, TableName } from '../sql/dialect.ts'
import { sortOf } from './dialect.ts'

interface ColumnRow {
  name: string
  native_type: string
  category: string
  not_null: string
}

/** Null where there is no table or view of that name. */
export async function tableFacts(
  session: SqlSession,
  { schema, name }: TableName,
): Promise<TableFacts | null> {
  const [relation] = await session.query<{ oid: string; estimate: string }>(
    `select c.oid::text as oid, c.reltuples::bigint::text as estimate
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and case when $2::text is null then pg_catalog.pg_table_is_visible(c.oid) else n.nspname = $2 end`,
    [name, schema],
  )
  if (!relation) return null
  const rows = await session.query<ColumnRow>(columnsQuery, [relation.oid])
  const keys = await session.query<{ columns: string }>(keysQuery, [relation.oid])
  const estimate = Number(relation.estimate)
  return {
    columns: rows.map(columnOf),
    keys: keys.map(({ columns }) => columns.split('\n')),
    // -1: never analysed; 0 is said of views too.
    rowEstimate: estimate > 0 ? estimate : null,
  }
}

const columnsQuery = `
  select a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as native_type,
         case when t.typtype = 'd' then b.typcategory else t.typcategory end as category,
         a.attnotnull::text as not_null
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_type b on b.oid = t.typbasetype
  where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
  order by a.attnum`

/** Whole unique indexes on plain columns that are never null, the primary key first, then the shortest. */
const keysQuery = `
  select k.columns from (
    select i.indisprimary, i.indexrelid, count(*) as width,
           string_agg(a.attname, E'\\n' order by p.at) as columns,
           bool_and(a.attnotnull) as is_never_null
    from pg_catalog.pg_index i
    cross join lateral generate_subscripts(i.indkey, 1) as p (at)
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[p.at]
    where i.indrelid = $1::oid and i.indisunique and i.indpred is null and i.indexprs is null
      and i.indisvalid
    group by i.indisprimary, i.indexrelid
  ) k
  where k.is_never_null
  order by k.indisprimary desc, k.width, k.indexrelid`

function columnOf({ name, native_type, category, not_null }: ColumnRow): StoreColumn {
  return {
    name,
    nativeType: native_type,
    type: typeOf(native_type, category),
    isNullable: not_null !== 'true',
    sort: sortOf(native_type),
  }
}

function typeOf(nativeType: string, category: string): FieldType {
  if (category === 'A') return 'array'
  if (/^(?:json|jsonb)$/.test(nativeType)) return 'object'
  if (nativeType === 'boolean') return 'boolean'
  if (nativeType === 'date') return 'date'
  if (nativeType.startsWith('timestamp')) return 'datetime'
  if (/^(?:smallint|integer|bigint)$/.test(nativeType)) return 'integer'
  return /^(?:numeric|real|double|money)/.test(nativeType) ? 'decimal' : 'text'
}
