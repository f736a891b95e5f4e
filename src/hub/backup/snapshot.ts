import type { Client, ClientBase } from 'pg'
import { connectClient } from '../database/clients.ts'
import { StartRefusal } from '../start-refusal.ts'

/** Values are written the same on every server, whatever its settings say. */
const plainValues = `set timezone to 'UTC'; set datestyle to 'ISO, YMD'; set intervalstyle to 'postgres';
  set bytea_output to 'hex'; set extra_float_digits to 1; set client_encoding to 'UTF8';
  set lock_timeout to 0; set statement_timeout to 0; set idle_in_transaction_session_timeout to 0; set idle_session_timeout to 0`

/** A connection for copying tables, without any limit of time. */
export async function openCopyClient(url: string): Promise<Client> {
  const client = await connectClient({ url, purpose: 'migrate', patienceMs: 20_000 })
  await client.query(plainValues)
  return client
}

/** One transaction. What fails has to end the connection, and with it the transaction. */
export async function inOne(client: ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query('begin')
  await work()
  await client.query('commit')
}

/**
 * Runs `work` on one snapshot of the whole database: what commits meanwhile is in none of its reads.
 * Writers are not held up. Refuses a database that the hub has never migrated.
 */
export async function onSnapshot<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await openCopyClient(url)
  try {
    // An empty path makes every name in the catalog's definitions a qualified one.
    await client.query(`set search_path to ''`)
    await client.query('begin transaction isolation level repeatable read, read only')
    const { rows } = await client.query<{ present: boolean }>(
      `select to_regclass('hub.migrations') is not null as present`,
    )
    if (rows[0]?.present !== true) throw neverMigrated()
    const done = await work(client)
    await client.query('commit')
    return done
  } finally {
    await client.end().catch(() => undefined)
  }
}

const neverMigrated = (): StartRefusal =>
  new StartRefusal(
    '该数据库里没有数桥的数据,无可备份。 / That database holds nothing of Shuqiao: there is nothing to back up.',
  )
