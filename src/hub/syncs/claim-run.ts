import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../database/connect.ts'
import { type RunRow, runStore } from '../intake/runs.ts'
import { syncLimits } from './limits.ts'
import { findSync, type SyncRow } from './sync-rows.ts'
import { windowState } from './windows.ts'

export type Claim =
  /** The run is this holder's until its lease ends. */
  | { kind: 'claimed'; run: RunRow; sync: SyncRow }
  /** A push whose body is stored: intake claims it itself. */
  | { kind: 'stored' }
  /** It stays queued: something else of its sync or origin runs, or its window is closed. */
  | { kind: 'busy'; notBefore: Date }

/**
 * Claims a run of a sync for `holder`, in one transaction: it is queued and due, or its holder has died; its
 * sync is active, runs nothing else, is inside its windows, and fewer runs than its limit read or write the
 * same store. Null when there is nothing to do for this worker: ended, held, paused, gone.
 *
 * Claims of one origin come one after the other, so that two cannot both take the last place.
 */
export async function claimRun(pool: Pool, runId: string, holder: string): Promise<Claim | null> {
  return inTransaction(pool, async (client) => {
    const origin = await originOfRun(client, runId)
    if (origin === 'none') return { kind: 'stored' }
    if (origin === null) return null
    await client.query(`select pg_advisory_xact_lock(hashtextextended('sync-origin ' || $1, 0))`, [
      origin.origin,
    ])
    const run = await lockRun(client, runId)
    const sync = run && (await findSync(client, origin.sync))
    if (run === null || sync?.state !== 'active') return null
    if (run.waitsUntil !== null) return { kind: 'busy', notBefore: run.waitsUntil }
    const notBefore = await whenFree(client, sync, run)
    if (notBefore !== null) {
      await postpone(client, runId, notBefore)
      return { kind: 'busy', notBefore }
    }
    return take(client, { run, holder, sync })
  })
}

interface RunOrigin {
  sync: string
  origin: string
}

async function originOfRun(client: PoolClient, runId: string): Promise<RunOrigin | 'none' | null> {
  const { rows } = await client.query<{ sync: string | null; origin: string | null }>(
    'select r.sync, s.origin from hub.runs r left join hub.syncs s on s.id = r.sync where r.id = $1',
    [runId],
  )
  if (rows[0] === undefined) return null
  const { sync, origin } = rows[0]
  return sync === null || origin === null ? 'none' : { sync, origin }
}

interface LockedRun {
  id: string
  isAside: boolean
  /** Null: it may run now. */
  waitsUntil: Date | null
}

async function lockRun(client: PoolClient, runId: string): Promise<LockedRun | null> {
  const { rows } = await client.query<{ id: string; isAside: boolean; waitMs: number | null }>(
    `select id, is_aside as "isAside",
       case when state = 'queued' and not_before > now()
         then ceil(extract(epoch from not_before - now()) * 1000)::float8 end as "waitMs"
     from hub.runs
     where id = $1 and (state = 'queued' or (state = 'running' and leased_until < now()))
     for update`,
    [runId],
  )
  const [run] = rows
  if (run === undefined) return null
  const waitsUntil = run.waitMs === null ? null : new Date(Date.now() + run.waitMs)
  return { id: run.id, isAside: run.isAside, waitsUntil }
}

/** When the run may be tried again, or null when nothing stands in its way. */
async function whenFree(client: PoolClient, sync: SyncRow, run: LockedRun): Promise<Date | null> {
  const now = new Date()
  const window = windowState(sync.limits.windows, sync.timezone, now)
  if (!window.isOpen) return window.changesAt ?? new Date(now.getTime() + 60_000)
  const { rows } = await client.query<{ ofSync: boolean; ofOrigin: number }>(
    `select coalesce(bool_or(r.sync = $1 and not r.is_aside and not $3), false) as "ofSync",
       count(*) filter (where r.leased_until >= now())::int as "ofOrigin"
     from hub.runs r join hub.syncs s on s.id = r.sync
     where r.state = 'running' and r.id <> $4 and s.origin = $2`,
    [sync.id, sync.origin, run.isAside, run.id],
  )
  const { ofSync = false, ofOrigin = 0 } = rows[0] ?? {}
  const limit = sync.limits.concurrency ?? syncLimits.originConcurrencyMax
  return ofSync || ofOrigin >= limit ? new Date(now.getTime() + syncLimits.busyPauseMs) : null
}

const postpone = (client: PoolClient, runId: string, notBefore: Date) =>
  client.query(`update hub.runs set not_before = $2 where id = $1 and state = 'queued'`, [
    runId,
    notBefore,
  ])

async function take(
  client: PoolClient,
  { run: { id, isAside }, holder, sync }: { run: LockedRun; holder: string; sync: SyncRow },
): Promise<Claim> {
  await client.query(
    `update hub.runs set state = 'running', leased_by = $2, not_before = null,
       leased_until = now() + make_interval(secs => $3), started_at = coalesce(started_at, now())
     where id = $1`,
    [id, holder, syncLimits.leaseMs / 1000],
  )
  // A backfill or a check says nothing about how the sync itself is.
  if (!isAside)
    await client.query('update hub.syncs set last_run = $2 where id = $1', [sync.id, id])
  const run = await runStore(client).find(id)
  if (run === null) throw new Error(`Run ${id} was claimed and is not there`)
  return { kind: 'claimed', run, sync: { ...sync, lastRun: isAside ? sync.lastRun : id } }
}
