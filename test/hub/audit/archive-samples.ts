import { KeyObject } from 'node:crypto'
import type pg from 'pg'
import { buildEntry, monthOfId } from '../../../src/hub/audit/entry.ts'
import type { AuditFacts } from '../../../src/hub/audit/facts.ts'
import { insertEntries } from '../../../src/hub/audit/insert-entries.ts'
import type { AuditKeys } from '../../../src/hub/audit/keys.ts'
import { firstIdOf } from '../../../src/hub/audit/search.ts'
import type { TestDatabase } from '../../support/database.ts'
import { connect, readFacts } from './audit-samples.ts'

/** An entry's id at an instant; ids of one instant ascend with their number. */
export const idAt = (instant: string, number = 0): string =>
  `${firstIdOf(instant).slice(0, 13)}-7abc-8def-${number.toString(16).padStart(12, '0')}`

/** Makes the partitions of a month that the hub would have made in its time. */
export async function makeMonth(own: TestDatabase, month: string): Promise<void> {
  const owner = await connect(own.urls.owner)
  const [year, number] = month.split('-').map(Number)
  const from = firstIdOf(`${month}-01T00:00:00Z`)
  const to = firstIdOf(new Date(Date.UTC(year ?? 0, number ?? 0, 1)).toISOString())
  for (const parent of ['entries', 'search', 'subjects', 'ranges']) {
    await owner.query('select audit.make_partition($1, $2, $3)', [
      parent,
      month.replace('-', '_'),
      `for values from ('${from}') to ('${to}')`,
    ])
  }
  await owner.end()
}

/** Writes entries as the log does, under ids of any time. */
export async function writeEntries(
  client: pg.Client,
  keys: AuditKeys,
  given: readonly { id: string; facts?: Partial<AuditFacts> }[],
): Promise<void> {
  const entries = []
  for (const { id, facts } of given) {
    const details = await keys.month(monthOfId(id))
    if (!(details instanceof KeyObject)) throw new Error('no key')
    entries.push(buildEntry(id, readFacts(facts), { subjects: keys.subjects, details }))
  }
  await insertEntries(client, entries, false)
}

/** Every table of the database, and whether one of its rows holds the text or, as bytes, the hexadecimal. */
export async function tablesHolding(own: TestDatabase, text: string): Promise<string[]> {
  const client = await connect(own.urls.superuser)
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1`,
  )
  const found: string[] = []
  for (const { name } of rows) {
    const { rowCount } = await client.query(
      `select from ${name} as t where strpos(t::text, $1) > 0 limit 1`,
      [text],
    )
    if (rowCount) found.push(name)
  }
  await client.end()
  return found
}
