import type { Knex } from 'knex'
import type { ClientBase } from 'pg'
import type { StaffCaller } from '../identity/caller.ts'
import { lockResource } from '../records/lock-resource.ts'
import { alterStatements, createStatements } from '../records/record-table.ts'
import { breakingChanges } from './breaking-changes.ts'
import { conflict } from './faults.ts'
import type { Move } from './move-resource.ts'
import { mappingFaults, mappingOf } from './mount-mapping.ts'
import { addedTo, recordTable } from './record-tables.ts'
import type { ResourceRow, VersionRow } from './resource-rows.ts'

/**
 * Makes what is worked on the served version: its row, its record tables and the number that a landing
 * batch compares, all under the resource's merge lock, so that no batch lands in between. Indexes of
 * fields that a revision adds are built after the commit (`build-indexes.ts`).
 */
export async function publishResource(
  move: Move,
  row: ResourceRow,
  staff: StaffCaller,
): Promise<void> {
  const { stores, transaction } = move
  const { resources } = stores
  const last = await resources.lastVersion(row.id)
  refuseBreaking(last, row)
  await refuseBrokenMount(move, row)
  await lockRecords(transaction, row.number)
  await resources.publishVersion(row.id, staff.id)
  const kept = { code: row.code, draft: row.draft, fields: row.fields, keys: row.keys }
  await resources.list('published', { ...kept, state: 'published' })
  // What is not shared is catalogued, and holds no records.
  if (row.draft.share.type !== 'not-shared') await makeTables(transaction, row, last)
}

/** The lock that landing batches take, over the transaction's own connection. */
export async function lockRecords(transaction: Knex.Transaction, number: number): Promise<void> {
  const client: ClientBase = await transaction.client.acquireConnection()
  await lockResource(client, number)
}

/** Drafts are held against the last version when they are written; a version may have come since. */
function refuseBreaking(last: VersionRow | undefined, row: ResourceRow): void {
  const breaking = last ? breakingChanges(last, row) : []
  if (breaking.length === 0) return
  throw conflict('修订会影响已有使用方 / The revision would break readers', breaking)
}

/** The mount may be older than the draft's last edit: a mapping that no longer fits would stop every push. */
async function refuseBrokenMount({ stores, catalog }: Move, row: ResourceRow): Promise<void> {
  const mount = await stores.mounts.find(row.id)
  if (!mount) return
  const mapping = mappingOf(mount.mount, catalog.adapters)
  const faults = mapping === null ? [] : mappingFaults(mapping, row.fields)
  if (faults.length > 0) {
    throw conflict(
      '挂载的映射与信息项不符,请先修改挂载 / The mount’s mapping does not fit the fields; mount it anew',
      faults,
    )
  }
}

async function makeTables(
  transaction: Knex.Transaction,
  row: ResourceRow,
  last: VersionRow | undefined,
): Promise<void> {
  const table = recordTable(row.number, row)
  const known = await transaction('hub.change_numbers')
    .where({ resource: row.id })
    .first('resource')
  const added = addedTo(known ? (last?.fields ?? []) : [], row.fields)
  const statements = known ? alterStatements(table, added.columns) : createStatements(table)
  for (const statement of statements) await transaction.raw(statement)
  await transaction.raw(
    `insert into hub.change_numbers (resource_number, resource, served_version) values (?, ?, ?)
     on conflict (resource_number) do update set served_version = excluded.served_version,
       indexes_pending = change_numbers.indexes_pending or ?`,
    [row.number, row.id, row.version, added.needsIndexes],
  )
}
