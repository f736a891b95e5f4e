import type { ClientBase, Pool } from 'pg'
import { v7 as newId } from 'uuid'
import type { LandingCounts } from './land-batch.ts'
import { intakeLimits } from './limits.ts'

export const runStates = ['queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled'] as const
export type RunState = (typeof runStates)[number]
export const runModes = ['upsert', 'delete', 'changes', 'snapshot'] as const
export type RunMode = (typeof runModes)[number]

export interface RunRow {
  id: string
  resource: string
  kind: 'push' | 'load' | 'replay'
  mode: RunMode
  state: RunState
  isDry: boolean
  isForced: boolean
  system: string | null
  staff: string | null
  department: string
  counts: LandingCounts
  byteCount: number
  batchCount: number
  nextBatch: number | null
  startSeq: number | null
  lastSeq: number | null
  columns: string[] | null
  drift: string[] | null
  unmapped: unknown
  mediaType: string | null
  contentEncoding: string | null
  replayOf: string | null
  error: { code: string; message: string } | null
  createdAt: string
  startedAt: string | null
  endedAt: string | null
}

export interface NewRun {
  resource: string
  kind: RunRow['kind']
  mode: RunMode
  state: 'queued' | 'running'
  department: string
  system?: string | null
  staff?: string | null
  isDry?: boolean
  isForced?: boolean
  mediaType?: string | null
  contentEncoding?: string | null
  replayOf?: string | null
}

const columns = `id, resource, kind, mode, state, is_dry as "isDry", is_forced as "isForced", system, staff, department,
  json_build_object('read', read_count, 'inserted', inserted_count, 'updated', updated_count,
    'unchanged', unchanged_count, 'stale', stale_count, 'superseded', superseded_count,
    'deleted', deleted_count, 'rejected', rejected_count, 'flagged', flagged_count) as counts,
  byte_count as "byteCount", batch_count as "batchCount", next_batch as "nextBatch", start_seq as "startSeq",
  last_seq as "lastSeq", columns, drift, unmapped, media_type as "mediaType",
  content_encoding as "contentEncoding", replay_of as "replayOf", error, created_at as "createdAt",
  started_at as "startedAt", ended_at as "endedAt"`

/** A process that holds a run says so by extending its lease; this is the lease's end in SQL. */
const lease = `now() + interval '${intakeLimits.leaseMs} milliseconds'`

type Queryable = Pick<ClientBase, 'query'> | Pick<Pool, 'query'>

/** Runs over one connection or pool. A run's counts are only ever written with the batch they count. */
export function runStore(db: Queryable) {
  const one = async (sql: string, values: unknown[]): Promise<RunRow | null> =>
    (await db.query(sql, values)).rows[0] ?? null
  return {
    open: (run: NewRun, holder: string): Promise<RunRow> =>
      one(
        `insert into hub.runs (id, resource, kind, mode, state, department, system, staff, is_dry, is_forced,
           media_type, content_encoding, replay_of, next_batch, leased_by, leased_until, started_at, start_seq)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
           case when $5 = 'running' and $3 <> 'load' then ${lease} end,
           case when $5 = 'running' then now() end,
           (select last_seq from hub.change_numbers where resource = $2))
         returning ${columns}`,
        [
          newId(),
          run.resource,
          run.kind,
          run.mode,
          run.state,
          run.department,
          run.system ?? null,
          run.staff ?? null,
          run.isDry ?? false,
          run.isForced ?? false,
          run.mediaType ?? null,
          run.contentEncoding ?? null,
          run.replayOf ?? null,
          run.kind === 'load' ? 1 : null,
          holder,
        ],
      ) as Promise<RunRow>,
    find: (id: string): Promise<RunRow | null> =>
      one(`select ${columns} from hub.runs where id = $1`, [id]),
    list: async (filter: {
      resource?: string
      state?: RunState
      since?: string
      department: string | null
      after: string | null
      limit: number
    }): Promise<RunRow[]> => {
      const { rows } = await db.query<RunRow>(
        `select ${columns} from hub.runs
         where ($1::text is null or resource = $1) and ($2::text is null or state = $2)
           and ($3::timestamptz is null or created_at >= $3) and ($4::text is null or department = $4)
           and ($5::uuid is null or id < $5)
         order by id desc limit $6`,
        [
          filter.resource ?? null,
          filter.state ?? null,
          filter.since ?? null,
          filter.department,
          filter.after,
          filter.limit,
        ],
      )
      return rows
    },
    /** Takes a run up again; null when another process holds it. */
    take: (id: string, holder: string): Promise<RunRow | null> =>
      one(
        `update hub.runs set state = 'running', error = null, ended_at = null, leased_by = $2,
           leased_until = ${lease}, started_at = coalesce(started_at, now())
         where id = $1 and (state in ('queued', 'failed')
           or (state = 'running' and (leased_until is null or leased_until < now())))
         returning ${columns}`,
        [id, holder],
      ),
    /** Adds a batch's counts. False when the run was cancelled or taken by another: then nothing may land. */
    count: async (
      id: string,
      holder: string,
      batch: { counts: LandingCounts; byteCount: number | null; lastSeq: number; nextBatch: number | null },
    ): Promise<boolean> => {
      const { counts } = batch
      const { rowCount } = await db.query(
        `update hub.runs set read_count = read_count + $3, inserted_count = inserted_count + $4,
           updated_count = updated_count + $5, unchanged_count = unchanged_count + $6,
           stale_count = stale_count + $7, superseded_count = superseded_count + $8,
           deleted_count = deleted_count + $9, rejected_count = rejected_count + $10,
           flagged_count = flagged_count + $11, byte_count = coalesce($12, byte_count), batch_count = batch_count + 1,
           last_seq = greatest(last_seq, nullif($13::bigint, 0)), next_batch = coalesce($14, next_batch), leased_until = ${lease}
         where id = $1 and state = 'running' and (kind = 'load' or leased_by = $2)`,
        [
          id,
          holder,
          counts.read,
          counts.inserted,
          counts.updated,
          counts.unchanged,
          counts.stale,
          counts.superseded,
          counts.deleted,
          counts.rejected,
          counts.flagged,
          batch.byteCount,
          batch.lastSeq,
          batch.nextBatch,
        ],
      )
      return rowCount === 1
    },
    note: (id: string, seen: { columns: string[] | null; drift: string[]; unmapped: unknown }) =>
      db.query('update hub.runs set columns = $2, drift = $3, unmapped = $4 where id = $1', [
        id,
        seen.columns,
        seen.drift,
        JSON.stringify(seen.unmapped),
      ]),
    /** Ends a run well: `partial` when rows were rejected. The table itself refuses counts that do not add up. */
    succeed: (id: string): Promise<RunRow | null> =>
      one(
        `update hub.runs set state = case when rejected_count > 0 then 'partial' else 'succeeded' end,
           ended_at = now(), leased_until = null
         where id = $1 and state = 'running' returning ${columns}`,
        [id],
      ),
    fail: (id: string, error: { code: string; message: string }): Promise<RunRow | null> =>
      one(
        `update hub.runs set state = 'failed', error = $2, ended_at = now(), leased_until = null
         where id = $1 and state in ('queued', 'running') returning ${columns}`,
        [id, JSON.stringify(error)],
      ),
    cancel: (id: string): Promise<RunRow | null> =>
      one(
        `update hub.runs set state = 'cancelled', ended_at = now(), leased_until = null
         where id = $1 and state in ('queued', 'running') returning ${columns}`,
        [id],
      ),
    extendLease: (id: string, holder: string) =>
      db.query(
        `update hub.runs set leased_until = ${lease} where id = $1 and state = 'running' and leased_by = $2`,
        [id, holder],
      ),
    /** Runs whose process died: with a stored body they can be taken up again, without one they have failed. */
    abandoned: async (): Promise<{ id: string; hasBody: boolean }[]> => {
      const { rows } = await db.query(
        `select r.id, exists (select from hub.run_bodies b where b.run_id = r.id) as "hasBody" from hub.runs r
         where (r.state = 'queued' and (r.leased_until is null or r.leased_until < now()))
           or (r.state = 'running' and r.kind <> 'load' and r.leased_until < now())
         order by r.id limit 100`,
      )
      return rows
    },
  }
}

export type RunStore = ReturnType<typeof runStore>
