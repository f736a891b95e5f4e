import type { Client } from 'pg'
import type { Database } from '../database/connect.ts'
import type { Log } from '../database/log.ts'
import { addedIndexStatements, recordsName } from '../records/record-table.ts'
import { recordTable } from './record-tables.ts'
import type { KeptDraft, Shape } from './resource-rows.ts'

/*
 * Indexes of fields that a revision added, built beside the traffic:
 *
 *   publish commits `indexes_pending` ──▶ building ──all there──▶ `indexes_pending` off
 *                         ▲                  │ lost, stopped
 *                         └──next start──────┘ (what was left half built is dropped first)
 */
const buildLockClass = 0x5349

export interface IndexBuilder {
  /** Begins with whatever is pending; one builder at a time for each resource, over all processes. */
  begin(): void
  /** Resolves when nothing is being built any more. */
  settled(): Promise<void>
  /** Ends what is being built; it is begun again with the next start. */
  close(): Promise<void>
}

export function createIndexBuilder(database: Database, log: Log): IndexBuilder {
  const clients = new Set<Client>()
  let running: Promise<void> = Promise.resolve()
  let isClosed = false

  const work = async (): Promise<void> => {
    if (isClosed) return
    try {
      await buildPending(database, clients)
    } catch (error) {
      if (!isClosed) log.warn({ error: String(error) }, 'indexes are still to be built')
    }
  }
  return {
    begin: () => {
      running = running.then(work)
    },
    settled: () => running,
    close: async () => {
      isClosed = true
      await Promise.all([...clients].map((client) => client.end().catch(() => undefined)))
      await running
    },
  }
}

interface PendingRow extends Shape {
  number: number
  version: number
  draft: KeptDraft
}

async function buildPending(database: Database, clients: Set<Client>): Promise<void> {
  const pending = await readPending(database)
  if (pending.length === 0) return
  // Building takes as long as it takes: no pool's time limit may end it.
  const client = await database.openClient('migrate')
  clients.add(client)
  try {
    for (const row of pending) await buildOne(client, row)
  } finally {
    clients.delete(client)
    await client.end().catch(() => undefined)
  }
}

async function readPending({ pool }: Database): Promise<PendingRow[]> {
  const { rows } = await pool.query<PendingRow>(
    `select c.resource_number as number, v.version, v.draft, v.fields, v.keys
     from hub.change_numbers c
     join lateral (
       select * from hub.resource_versions where resource = c.resource order by version desc limit 1
     ) v on true
     where c.indexes_pending order by c.resource_number`,
  )
  return rows
}

async function buildOne(client: Client, row: PendingRow): Promise<void> {
  const lock = [buildLockClass, row.number]
  const { rows } = await client.query<{ held: boolean }>(
    'select pg_try_advisory_lock($1, $2) as held',
    lock,
  )
  if (rows[0]?.held !== true) return
  try {
    await dropInvalid(client, row.number)
    for (const statement of addedIndexStatements(recordTable(row.number, row), row.fields)) {
      await client.query(statement)
    }
    await client.query(
      `update hub.change_numbers c set indexes_pending = false where resource_number = $1
         and not exists (select from hub.resource_versions v where v.resource = c.resource and v.version > $2)`,
      [row.number, row.version],
    )
  } finally {
    await client.query('select pg_advisory_unlock($1, $2)', lock).catch(() => undefined)
  }
}

/** A build that was broken off leaves an index that is written and never read. */
async function dropInvalid(client: Client, number: number): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select indexrelid::regclass::text as name from pg_index
     where indrelid = $1::regclass and not indisvalid`,
    [recordsName(number)],
  )
  for (const { name } of rows) await client.query(`drop index concurrently if exists ${name}`)
}
