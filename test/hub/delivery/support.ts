import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import type { ConnectorKind } from '../../../schemas/api/connectors.ts'
import type { DeliveryContext, SyncLimits } from '../../../schemas/api/syncs.ts'
import { type DeliveryDoors, deliverWork } from '../../../src/hub/delivery/deliver-run.ts'
import type { RunRow } from '../../../src/hub/intake/run-rows.ts'
import { runStore } from '../../../src/hub/intake/runs.ts'
import { claimRun } from '../../../src/hub/syncs/claim-run.ts'
import type { RunOutcome } from '../../../src/hub/syncs/run-work.ts'
import { findSync, type SyncRow } from '../../../src/hub/syncs/sync-rows.ts'
import { v7 as newId } from 'uuid'
import { createEmptyDatabase } from '../../support/database.ts'
import type { TestHub } from '../../support/hub.ts'

export const purposes: DeliveryContext = { purpose: 'item-1', operator: '李四' }

export interface NewDelivery {
  id: string
  resource: string
  grant: string
  connector: ConnectorKind
  settings: Record<string, unknown>
  mode?: SyncRow['mode']
  columns?: Record<string, string>
  context?: DeliveryContext
  limits?: SyncLimits
}

/** Writes a delivery's definition as its route would. */
export async function defineDelivery(hub: TestHub, delivery: NewDelivery): Promise<string> {
  const { knex } = hub.app.hub.database
  const staff = await knex('hub.staff').first('id')
  await knex('hub.syncs').insert({
    id: delivery.id,
    resource: delivery.resource,
    direction: 'deliver',
    department: 'housing',
    connector: delivery.connector,
    settings: JSON.stringify(delivery.settings),
    origin: delivery.id,
    mode: delivery.mode ?? 'incremental',
    limits: JSON.stringify(delivery.limits ?? {}),
    target_columns: delivery.columns === undefined ? null : JSON.stringify(delivery.columns),
    grant_id: delivery.grant,
    context: JSON.stringify(delivery.context ?? purposes),
    created_by: staff.id,
  })
  return delivery.id
}

/** Opens a queued run of the sync, as its schedule would. */
export async function queueRun(hub: TestHub, sync: string, mode?: RunRow['mode']): Promise<string> {
  const { knex } = hub.app.hub.database
  const row = await knex('hub.syncs').where({ id: sync }).first('resource', 'mode')
  const id = newId()
  await knex('hub.runs').insert({
    id,
    resource: row.resource,
    kind: 'deliver',
    mode: mode ?? (row.mode === 'full' ? 'snapshot' : 'changes'),
    state: 'queued',
    department: 'housing',
    sync,
  })
  return id
}

export interface Worked {
  outcome: RunOutcome
  run: RunRow
}

/** Claims the run as a worker would, however long its former holder's lease has to go, and does its work. */
export async function workRun(
  hub: TestHub,
  runId: string,
  doors?: DeliveryDoors,
  signal = new AbortController().signal,
): Promise<Worked> {
  const { pool } = hub.app.hub.database
  await pool.query(
    `update hub.runs set leased_until = now() - interval '1 second', not_before = null where id = $1`,
    [runId],
  )
  const holder = `worker-${randomBytes(4).toString('hex')}`
  const claim = await claimRun(pool, runId, holder)
  if (claim?.kind !== 'claimed') throw new Error(`not claimed: ${JSON.stringify(claim)}`)
  const { run, sync } = claim
  const outcome = await deliverWork(hub.app.hub, doors)({ run, sync, holder, signal })
  return { outcome, run: await demandRun(hub, runId) }
}

export async function demandRun(hub: TestHub, runId: string): Promise<RunRow> {
  const run = await runStore(hub.app.hub.database.pool).find(runId)
  if (!run) throw new Error('The run is gone')
  return run
}

export async function demandSync(hub: TestHub, id: string): Promise<SyncRow> {
  const sync = await findSync(hub.app.hub.database.pool, id)
  if (!sync) throw new Error('The sync is gone')
  return sync
}

/** A run from its queue to its end. */
export const deliver = async (
  hub: TestHub,
  sync: string,
  doors?: DeliveryDoors,
  mode?: RunRow['mode'],
): Promise<Worked> => workRun(hub, await queueRun(hub, sync, mode), doors)

/** Ends a run that stopped without an end of its own, as its worker would. */
export const failRun = (hub: TestHub, runId: string) =>
  hub.app.hub.database.pool.query(
    `update hub.runs set state = 'failed', ended_at = now(), leased_until = null where id = $1`,
    [runId],
  )

export interface SubscriberStore {
  url: string
  /** Rows of a table by key, without the hub's own columns. */
  rows(table: string): Promise<Record<string, unknown>[]>
  query(sql: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

/** A database of a subscriber's own. */
export async function openSubscriber(): Promise<SubscriberStore> {
  const { urls, drop } = await createEmptyDatabase()
  const client = new Client({ connectionString: urls.superuser })
  await client.connect()
  const query = async (sql: string): Promise<Record<string, unknown>[]> =>
    (await client.query(sql)).rows
  return {
    url: urls.superuser,
    query,
    rows: async (table) => {
      const found = await query(
        `select to_jsonb(t) - '_seq' - '_generation' - '_delivered_at' as row from ${table} t order by _key`,
      )
      return found.map(({ row }) => Object(row))
    },
    close: async () => {
      await client.end()
      await drop()
    },
  }
}
