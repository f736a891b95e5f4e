import { Refusal } from '../../shared/refusal.ts'
import type { SqlDialect, TableName } from './dialect.ts'

/** `schema.table` or `table`, as the store writes names; a part with a point in it is put in quotes. */
export function parseTableName(text: string): TableName {
  const parts = Array.from(
    text.matchAll(/"([^"]+)"|`([^`]+)`|\[([^\]]+)\]|([^."`[\]]+)/gu),
    (match) => (match[1] ?? match[2] ?? match[3] ?? match[4] ?? '').trim(),
  )
  const name = parts.at(-1)
  if (name === undefined || name === '' || parts.length > 2) {
    throw new Refusal(
      'request-invalid',
      `表名应写作 schema.table 或 table / Write the table as schema.table or table`,
    )
  }
  return { schema: parts.length === 2 ? (parts[0] ?? null) : null, name }
}

export const quotedTable = ({ quote }: SqlDialect, { schema, name }: TableName): string =>
  schema === null ? quote(name) : `${quote(schema)}.${quote(name)}`
