import type { FieldType } from '../../../schemas/field.ts'
import type { StoreColumn, TableFacts, TableName } from '../sql/dialect.ts'
import type { SqlSession } from '../sql/session.ts'
import { sortOf } from './dialect.ts'

/** Null where there is no table or view of that name, or none that may be seen. */
export async function tableFacts(
  session: SqlSession,
  { schema, name }: TableName,
): Promise<TableFacts | null> {
  const values = [schema, name]
  const columns = await session.query<{ name: string; type: string; nullable: string }>(
    `select column_name as name, column_type as type, is_nullable as nullable
     from information_schema.columns
     where table_schema = coalesce(?, database()) and table_name = ? order by ordinal_position`,
    values,
  )
  if (columns.length === 0) return null
  const parts = await session.query<KeyPart>(
    `select index_name as \`key\`, column_name as name, nullable as nullable, sub_part as part
     from information_schema.statistics
     where table_schema = coalesce(?, database()) and table_name = ? and non_unique = 0
     order by index_name <> 'PRIMARY', index_name, seq_in_index`,
    values,
  )
  const [table] = await session.query<{ estimate: string | null }>(
    `select table_rows as estimate from information_schema.tables
     where table_schema = coalesce(?, database()) and table_name = ?`,
    values,
  )
  return {
    columns: columns.map(columnOf),
    keys: keysOf(parts),
    rowEstimate: table?.estimate == null ? null : Number(table.estimate),
  }
}

interface KeyPart {
  key: string
  /** Null: an expression. */
  name: string | null
  nullable: string
  /** Only so many characters of the column are unique. */
  part: string | null
}

function keysOf(parts: readonly KeyPart[]): string[][] {
  const byKey = Map.groupBy(parts, ({ key }) => key)
  return Array.from(byKey.values())
    .filter((key) => key.every((part) => part.name && part.nullable !== 'YES' && !part.part))
    .map((key) => key.flatMap(({ name }) => (name === null ? [] : [name])))
}

const columnOf = ({
  name,
  type,
  nullable,
}: {
  name: string
  type: string
  nullable: string
}): StoreColumn => ({
  name,
  nativeType: type,
  type: typeOf(type),
  isNullable: nullable === 'YES',
  sort: sortOf(type),
})

function typeOf(nativeType: string): FieldType {
  if (/^(?:tinyint\(1\)|bit\(1\))/.test(nativeType)) return 'boolean'
  if (/^(?:tinyint|smallint|mediumint|int|bigint|year)/.test(nativeType)) return 'integer'
  if (/^(?:decimal|float|double)/.test(nativeType)) return 'decimal'
  if (nativeType === 'date') return 'date'
  if (/^(?:datetime|timestamp)/.test(nativeType)) return 'datetime'
  return nativeType === 'json' ? 'object' : 'text'
}
