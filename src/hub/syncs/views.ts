import type { Pool } from 'pg'
import type { Sync } from '../../../schemas/api/syncs.ts'
import { nextDue } from './due-times.ts'
import { type Health, healthOf, type Standing } from './health.ts'
import { syncColumns, type SyncRow } from './sync-rows.ts'
import { watchLimits } from './watch-limits.ts'

/** What the runs, the resource and its records say of these syncs, by id; one query for all of them. */
export async function readStandings(
  pool: Pool,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Standing>> {
  const { rows } = await pool.query<Standing & { sync: string }>({
    name: 'standings-of-syncs',
    text: `select ids.id as sync, standing.* from unnest($1::text[]) ids (id)
      join lateral (${standingsSql('ids.id')}) standing on true`,
    values: [ids],
  })
  return new Map(rows.map(({ sync, ...standing }) => [sync, standing]))
}

/** Runs of the live sync that are looked at for how it is: an older one says nothing of today. */
const recentRunsMax = 20

/**
 * The standing of the sync whose id the SQL expression `id` gives. Ids of runs rise with time, so that the
 * newest are found at the end of the index, however many there were.
 */
export const standingsSql = (id: string): string => `
  select runs.last as "lastRun", runs.open as "openRun", coalesce(c.last_seq, 0) as "lastSeq",
    r.draft->>'updateCycle' as "updateCycle", runs.checkpoint
  from hub.syncs s
  join hub.resources r on r.id = s.resource
  left join hub.change_numbers c on c.resource = s.resource
  cross join lateral (
    select
      (array_agg(jsonb_build_object('id', id, 'state', state, 'error', error, 'rejected', rejected_count)
        order by id desc) filter (where state in ('succeeded', 'partial', 'failed')))[1] as last,
      (array_agg(jsonb_build_object('id', id, 'state', state, 'scheduledAt', ${instant('scheduled_at')},
          'createdAt', ${instant('created_at')}, 'notBefore', ${instant('not_before')},
          'attempt', attempt, 'lastError', last_error)
        order by state = 'running' desc, id) filter (where state in ('queued', 'running')))[1] as open,
      (array_agg(checkpoint->>'words' order by id desc)
        filter (where checkpoint->>'words' is not null))[1] as checkpoint
    from (select * from hub.runs where sync = s.id and not is_aside
          order by id desc limit ${recentRunsMax}) recent
  ) runs
  where s.id = ${id}`

/** As the driver would give the column: inside JSON it is the session's text. */
function instant(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

export interface SyncOfAdapter {
  id: string
  resource: string
  adapter: string
  source: string
  health: Health
}

interface AdapterSyncRow extends SyncRow {
  readAdapter: string
  readSource: string
  standing: Standing
}

/** Syncs by the adapter's source that they read through: their own, or their resource's mount's. */
export async function readAdapterSyncs(
  pool: Pool,
  { department, now }: { department: string | null; now: Date },
): Promise<SyncOfAdapter[]> {
  const { rows } = await pool.query<AdapterSyncRow>(
    `select ${syncColumns}, adapter_read as "readAdapter", source_read as "readSource",
       to_jsonb(standing) as standing
     from (select s.*, coalesce(s.adapter, m.mount->>'adapter') as adapter_read,
             coalesce(s.source, m.mount->>'source') as source_read
           from hub.syncs s left join hub.mounts m on m.resource = s.resource and s.mapping is null
           where s.direction = 'pull' and ($1::text is null or s.department = $1) limit $2) syncs
     join lateral (${standingsSql('syncs.id')}) standing on true
     where adapter_read is not null order by id`,
    [department, watchLimits.syncsMax],
  )
  return rows.map((row) => ({
    id: row.id,
    resource: row.resource,
    adapter: row.readAdapter,
    source: row.readSource,
    health: healthAt(row, row.standing, now),
  }))
}

export const healthAt = (sync: SyncRow, standing: Standing, now: Date): Health =>
  healthOf(sync, standing, { now, periodMs: () => periodOf(sync) })

/** From the time that is due to the one behind it. */
function periodOf({ cron, timezone, nextDueAt }: SyncRow): number | null {
  if (cron === null || nextDueAt === null) return null
  const due = new Date(nextDueAt)
  const following = nextDue(cron, timezone, due)
  return following && following.getTime() - due.getTime()
}

/** A sync as it is answered: its settings are kept with `***` for each secret, and so they are shown. */
export const syncView = (sync: SyncRow, standing: Standing, now: Date): Sync => ({
  id: sync.id,
  title: sync.title,
  resource: sync.resource,
  direction: sync.direction,
  department: sync.department,
  connector: sync.connector,
  adapter: sync.adapter,
  source: sync.source,
  settings: sync.settings,
  origin: sync.origin,
  mode: sync.mode,
  cursor: sync.cursor,
  overlap: sync.overlap,
  schedule: sync.cron === null ? null : { cron: sync.cron, timezone: sync.timezone ?? 'UTC' },
  limits: sync.limits,
  errorLimit: sync.errorLimit,
  onDrift: sync.onDrift,
  fewerThanShareMin: sync.fewerThanShareMin,
  silentAfterHours: sync.silentAfterHours,
  priority: sync.priority,
  mapping: sync.mapping && { ...sync.mapping },
  columns: sync.targetColumns,
  grant: sync.grantId,
  context: sync.context,
  state: sync.state,
  pausedFor: sync.pausedFor,
  health: {
    ...healthAt(sync, standing, now),
    lastRunId: standing.openRun?.id ?? standing.lastRun?.id ?? null,
    lastSuccessAt: sync.lastSuccessAt,
    lastRowAt: sync.lastRowAt,
    nextDueAt: sync.nextDueAt,
  },
  checkpoint: standing.checkpoint,
  version: sync.version,
  createdBy: sync.createdBy,
  createdAt: sync.createdAt,
  updatedAt: sync.updatedAt,
})
