import { hash } from 'node:crypto'
import type { ClientBase } from 'pg'

/** Whatever of a month goes with its partitions and is in no bundle, and the digests that redactions left. */
const sources = {
  search: { key: 'id', order: 'id' },
  subjects: { key: 'id', order: 'subject, id' },
  ranges: { key: 'id', order: 'id' },
  redactions: { key: 'entry', order: 'id' },
} as const

const rowsAtOnce = 2000

/** Written the same by every session, so that two readings can be compared. */
const plainValues = `set timezone to 'UTC'; set bytea_output to 'hex'; set extra_float_digits to 1`

/**
 * A month's rows as one snapshot has them, each as a line of JSON (`{"table": …, "row": …}`), always in the same
 * order. Takes the connection for itself until it ends.
 */
export async function* detailsRows(client: ClientBase, month: string): AsyncGenerator<string> {
  if (!/^\d{4}-\d\d$/.test(month)) throw new RangeError(`no month: ${month}`)
  await client.query(plainValues)
  await client.query('begin transaction isolation level repeatable read, read only')
  try {
    for (const [table, { key, order }] of Object.entries(sources)) {
      // A cursor's text takes no parameters; the month is digits.
      await client.query(
        `declare month_rows no scroll cursor for
         select jsonb_build_object('table', '${table}', 'row', to_jsonb(t))::text as line from audit.${table} as t
         where ${key} >= audit.first_id_of_month('${month}') and ${key} < audit.first_id_after_month('${month}')
         order by ${order}`,
      )
      yield* fetchAll(client)
      await client.query('close month_rows')
    }
  } finally {
    await client.query('rollback')
  }
}

async function* fetchAll(client: ClientBase): AsyncGenerator<string> {
  for (;;) {
    const { rows } = await client.query<{ line: string }>(`fetch ${rowsAtOnce} from month_rows`)
    if (rows.length === 0) return
    for (const { line } of rows) yield line
  }
}

/** One digest over lines, to compare two readings of a month without holding either. */
export async function digestLines(lines: AsyncIterable<string>): Promise<string> {
  let digest = ''
  for await (const line of lines) digest = hash('sha256', `${digest}\n${line}`)
  return digest
}
