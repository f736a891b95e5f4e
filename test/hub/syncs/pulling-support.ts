import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { v7 as newId } from 'uuid'
import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { RunRow } from '../../../src/hub/intake/run-rows.ts'
import { runStore } from '../../../src/hub/intake/runs.ts'
import { checkWork } from '../../../src/hub/syncs/check-run.ts'
import { pullWork } from '../../../src/hub/syncs/pull-run.ts'
import type { ClaimedRun, RunOutcome } from '../../../src/hub/syncs/run-work.ts'
import { sealSettings, syncContext } from '../../../src/hub/syncs/settings-seal.ts'
import { findSync, type SyncRow } from '../../../src/hub/syncs/sync-rows.ts'
import { createEmptyDatabase } from '../../support/database.ts'
import { type IntakeHub, openIntakeHub } from '../intake/support.ts'
import { publishPlain } from '../../support/resources.ts'

/** A department's own database. */
export interface SourceDatabase {
  url: string
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>
  /** A connection of one's own, for transactions. */
  connect(): Promise<Client>
  drop(): Promise<void>
}

export async function openSourceDatabase(): Promise<SourceDatabase> {
  const { urls, drop } = await createEmptyDatabase()
  const opened: Client[] = []
  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString: urls.superuser })
    client.on('error', () => undefined)
    await client.connect()
    opened.push(client)
    return client
  }
  const first = await connect()
  return {
    url: urls.superuser,
    query: async (sql, values) => (await first.query(sql, values)).rows,
    connect,
    drop: async () => {
      await Promise.all(opened.map((client) => client.end().catch(() => undefined)))
      await drop()
    },
  }
}

export interface SyncGiven {
  table?: string
  settings?: Record<string, unknown>
  connector?: SyncRow['connector']
  mode?: SyncRow['mode']
  cursor?: string[] | null
  overlap?: string
  limits?: SyncRow['limits']
  errorLimit?: SyncRow['errorLimit']
  onDrift?: SyncRow['onDrift']
  fewerThanShareMin?: number
  mapping?: Mapping | null
}

export interface RunGiven {
  mode?: RunRow['mode']
  kind?: 'pull' | 'check'
  isAside?: boolean
  lane?: RunRow['lane']
  plan?: Record<string, unknown>
}

export interface PullHub extends IntakeHub {
  source: SourceDatabase
  /** A resource and a sync into it from a table of the source; answers the sync's id. */
  makeSync(given?: SyncGiven & { resource?: string }): Promise<string>
  sync(id: string): Promise<SyncRow>
  /** A run in the queue, as the scheduler makes it. */
  queue(sync: string, given?: RunGiven): Promise<string>
  /** Claims a run as a worker does. */
  claim(runId: string, holder?: string): Promise<ClaimedRun & { stop: AbortController }>
  /** Works a claimed run off and leaves its failure to the caller. */
  workClaimed(claimed: ClaimedRun): Promise<RunOutcome>
  /** Looks again and again until it is so. */
  until(isSo: () => Promise<boolean>): Promise<void>
  /** Claims and works off; a Refusal fails the run as the worker does, and is thrown. */
  work(runId: string): Promise<RunOutcome>
  /** A run from the queue to its end. */
  pulled(sync: string, given?: RunGiven): Promise<RunRow>
  findRun(id: string): Promise<RunRow>
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  close(): Promise<void>
}

let count = 0

export async function openPullHub(): Promise<PullHub> {
  const hub = await openIntakeHub()
  const source = await openSourceDatabase()
  const { pool } = hub.testDatabase.database
  const sql: PullHub['sql'] = async (text, values) => (await pool.query(text, values)).rows
  const sync: PullHub['sync'] = async (id) => {
    const found = await findSync(pool, id)
    if (found === null) throw new Error(`no sync ${id}`)
    return found
  }
  const findRun: PullHub['findRun'] = async (id) => {
    const found = await runStore(pool).find(id)
    if (found === null) throw new Error(`no run ${id}`)
    return found
  }
  const queue: PullHub['queue'] = async (id, given = {}) => {
    const { resource, mode } = await sync(id)
    const runId = newId()
    await pool.query(
      `insert into hub.runs (id, resource, kind, mode, state, department, sync, is_aside, lane, plan, is_dry)
       values ($1, $2, $3, $4, 'queued', 'provider', $5, $6, $7, $8, $3 = 'check')`,
      [
        runId,
        resource,
        given.kind ?? 'pull',
        given.mode ?? (given.kind === 'check' || mode === 'full' ? 'snapshot' : 'changes'),
        id,
        given.isAside ?? given.kind === 'check',
        given.lane ?? 'small',
        given.plan === undefined ? null : JSON.stringify(given.plan),
      ],
    )
    return runId
  }
  const claim: PullHub['claim'] = async (runId, holder = `worker-${newId()}`) => {
    const { rowCount } = await pool.query(
      `update hub.runs set state = 'running', leased_by = $2, leased_until = now() + interval '1 minute',
         started_at = coalesce(started_at, now())
       where id = $1 and (state = 'queued' or (state = 'running' and leased_until < now()))`,
      [runId, holder],
    )
    if (rowCount !== 1) throw new Error(`run ${runId} cannot be claimed`)
    const run = await findRun(runId)
    const stop = new AbortController()
    return { run, sync: await sync(run.sync ?? ''), holder, signal: stop.signal, stop }
  }
  const workClaimed: PullHub['workClaimed'] = (claimed) =>
    claimed.run.kind === 'check' ? checkWork(hub.app.hub)(claimed) : pullWork(hub.app.hub)(claimed)
  const work: PullHub['work'] = async (runId) => {
    const claimed = await claim(runId)
    try {
      return await workClaimed(claimed)
    } catch (error) {
      await runStore(pool).fail(runId, claimed.holder, {
        code: error instanceof Error && 'code' in error ? String(error.code) : 'internal',
        message: String(error),
      })
      throw error
    }
  }
  return {
    ...hub,
    source,
    sync,
    findRun,
    queue,
    claim,
    work,
    workClaimed,
    until: async (isSo) => {
      while (!(await isSo())) await sleep(20)
    },
    sql,
    makeSync: async ({ resource, ...given } = {}) => {
      count += 1
      const id = `sync-${count}`
      const into =
        resource ?? (await publishPlain(hub, { id: `res-${count}`, provider: 'provider' }))
      await insertSync(hub, source, { id, resource: into, ...given })
      return id
    },
    pulled: async (id, given) => {
      const outcome = await work(await queue(id, given))
      if (outcome.kind !== 'ended') throw new Error('the run made room')
      return outcome.run
    },
    close: async () => {
      await hub.close()
      await source.drop()
    },
  }
}

async function insertSync(
  hub: IntakeHub,
  source: SourceDatabase,
  given: SyncGiven & { id: string; resource: string },
): Promise<void> {
  const connector = given.connector ?? 'postgres'
  const plain = given.settings ?? { url: source.url, table: given.table ?? 'things' }
  const { settings, secrets } = await sealSettings(connector, plain, {
    keys: hub.app.hub.keys,
    context: syncContext(given.id),
  })
  const { rows } = await hub.testDatabase.database.pool.query('select id from hub.staff limit 1')
  await hub.testDatabase.database.pool.query(
    `insert into hub.syncs (id, resource, direction, department, connector, settings, secrets, origin, mode,
       cursor, overlap, limits, error_limit, on_drift, fewer_than_share_min, mapping, created_by)
     values ($1, $2, 'pull', 'provider', $3, $4, $5, 'test', $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      given.id,
      given.resource,
      connector,
      JSON.stringify(settings),
      secrets,
      given.mode ?? 'incremental',
      given.cursor === undefined && given.mode !== 'full'
        ? ['updated_at', 'id']
        : (given.cursor ?? null),
      given.overlap ?? '0s',
      JSON.stringify(given.limits ?? {}),
      JSON.stringify(given.errorLimit ?? {}),
      given.onDrift ?? 'pause',
      given.fewerThanShareMin ?? 0.8,
      given.mapping === undefined ? JSON.stringify(thingMapping) : JSON.stringify(given.mapping),
      rows[0].id,
    ],
  )
}

/** From a department's table of things to the plain test resource. */
export const thingMapping: Mapping = {
  fields: { thing: { from: 'thing', steps: ['trim'] }, amount: 'amount' },
  ignore: ['id', 'updated_at'],
}

/** A table with a key, an amount and a time of writing. */
export const createThings = (
  source: SourceDatabase,
  table: string,
  { rows = 0, key = 'primary key' }: { rows?: number; key?: string } = {},
): Promise<unknown> =>
  source.query(
    `create table ${table} (id bigint ${key}, thing text, amount text, updated_at timestamptz default '2026-01-01');
     insert into ${table} select n, 't-' || lpad(n::text, 7, '0'), '1', '2026-01-01'::timestamptz + n * interval '1 second'
       from generate_series(1, ${rows}) n`,
  )

/** The source's things as the resource's records show them. */
export const sourceThings = (source: SourceDatabase, table: string): Promise<object[]> =>
  source.query(
    `select thing, amount::numeric(24,6)::text as amount from ${table} order by thing collate "C"`,
  )

export const recordThings = async (hub: PullHub, resource: string): Promise<object[]> =>
  (await hub.records(resource, ['thing', 'amount::numeric(24,6)::text as amount', '_key'])).map(
    ({ _key, ...thing }) => thing,
  )

/** What a promise that must fail failed with. */
export const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => {
      throw new Error('nothing failed')
    },
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  )
