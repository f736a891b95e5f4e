import type { ClientBase, Pool } from 'pg'
import { v7 as newId } from 'uuid'
import type { LandingCounts } from './land-batch.ts'
import { intakeLimits } from './limits.ts'
import { type NewRun, runColumns, type RunError, type RunRow, type RunState } from './run-rows.ts'

/** A process that holds a run says so by extending its lease; this is the lease's end in SQL. */
const lease = `now() + interval '${intakeLimits.leaseMs} milliseconds'`

/** Whom nobody holds: never leased, or not for a while. */
const isFree = '(leased_until is null or leased_until < now())'

/** A long load is open to any process; only its commit holds it, under a holder's name of its own. */
const committerMark = '/commit'
export const committerOf = (holder: string): string => `${holder}${committerMark}`
const isCommitting = `coalesce(leased_by like '%${committerMark}' and leased_until > now(), false)`

const reopenable = `now() - interval '${intakeLimits.reopenDaysMax} days'`

/** What a run saw of its source. */
export interface SeenOfSource {
  columns: string[] | null
  drift: string[]
  unmapped: unknown
  mediaType?: string
}

type Queryable = Pick<ClientBase, 'query'> | Pick<Pool, 'query'>

/** Named where a run does it each time: planning such a statement costs more than running it. */
const oneRun = async (
  db: Queryable,
  text: string,
  values: unknown[],
  name?: string,
): Promise<RunRow | null> =>
  (await db.query<RunRow>(name === undefined ? { text, values } : { name, text, values }))
    .rows[0] ?? null

/** Runs as they are asked for. */
const finding = (db: Queryable) => ({
  find: (id: string): Promise<RunRow | null> =>
    oneRun(db, `select ${runColumns} from hub.runs where id = $1`, [id], 'find-run'),
  list: async (filter: {
    resource?: string
    sync?: string
    state?: RunState
    since?: string
    department: string | null
    after: string | null
    limit: number
  }): Promise<RunRow[]> => {
    const { rows } = await db.query<RunRow>(
      `select ${runColumns} from hub.runs
       where ($1::text is null or resource = $1) and ($2::text is null or state = $2)
         and ($3::timestamptz is null or created_at >= $3) and ($4::text is null or department = $4)
         and ($5::uuid is null or id < $5) and ($6::text is null or sync = $6)
       order by id desc limit $7`,
      [
        filter.resource ?? null,
        filter.state ?? null,
        filter.since ?? null,
        filter.department,
        filter.after,
        filter.sync ?? null,
        filter.limit,
      ],
    )
    return rows
  },
  /** Runs whose process died: with a stored body they can be taken up again, without one they have failed. */
  abandoned: async (): Promise<{ id: string; hasBody: boolean }[]> => {
    const { rows } = await db.query(
      `select r.id, exists (select from hub.run_bodies b where b.run_id = r.id and octet_length(b.bytes) = 0) as "hasBody" from hub.runs r
       where r.sync is null and ((r.state = 'queued' and (r.leased_until is null or r.leased_until < now()))
         or (r.state = 'running' and r.kind <> 'load' and r.leased_until < now()))
       order by r.id limit 100`,
    )
    return rows
  },
})

const demanded = async (returned: Promise<RunRow | null>): Promise<RunRow> => {
  const run = await returned
  if (run === null) throw new Error('An insert returned nothing')
  return run
}

const opening = (db: Queryable) => ({
  open: (run: NewRun, holder: string): Promise<RunRow> =>
    demanded(
      oneRun(
        db,
        `insert into hub.runs (id, resource, kind, mode, state, department, system, staff, is_dry, is_forced,
         media_type, content_encoding, replay_of, next_batch, leased_by, leased_until, started_at, start_seq)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
         case when $3 <> 'load' then ${lease} end,
         case when $5 = 'running' then now() end,
         (select last_seq from hub.change_numbers where resource = $2))
       returning ${runColumns}`,
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
      ),
    ),
})

/** A run's counts are only ever written with the batch they count. */
const progress = (db: Queryable) => ({
  /** Adds a batch's counts. False when the run was cancelled or taken by another: then nothing may land. */
  count: async (
    id: string,
    holder: string,
    batch: {
      counts: LandingCounts
      byteCount: number | null
      lastSeq: number
      nextBatch: number | null
    },
  ): Promise<boolean> => {
    const { counts } = batch
    const { rowCount } = await db.query(
      `update hub.runs set read_count = read_count + $3, inserted_count = inserted_count + $4,
         updated_count = updated_count + $5, unchanged_count = unchanged_count + $6,
         stale_count = stale_count + $7, superseded_count = superseded_count + $8,
         deleted_count = deleted_count + $9, rejected_count = rejected_count + $10,
         flagged_count = flagged_count + $11, byte_count = coalesce($12, byte_count), batch_count = batch_count + 1,
         last_seq = greatest(last_seq, nullif($13::bigint, 0)), next_batch = coalesce($14, next_batch),
         leased_until = case when leased_by = $2 then ${lease} else leased_until end
       where id = $1 and state = 'running' and (leased_by = $2 or (kind = 'load' and not ${isCommitting}))`,
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
  note: (id: string, seen: SeenOfSource) =>
    db.query(
      `update hub.runs set columns = coalesce($2, columns), drift = $3, unmapped = $4,
         media_type = coalesce(media_type, $5) where id = $1`,
      [id, seen.columns, seen.drift, JSON.stringify(seen.unmapped), seen.mediaType ?? null],
    ),
})

/** Who works on a run says so; whoever stops saying so loses it. */
const holding = (db: Queryable) => ({
  /**
   * Takes a run up again; null when another process holds it, or when a snapshot failed so long ago
   * that its rows may have been forgotten: its commit would then delete what it had named.
   */
  take: (id: string, holder: string): Promise<RunRow | null> =>
    oneRun(
      db,
      `update hub.runs set state = 'running', error = null, ended_at = null, leased_by = $2,
         leased_until = case when kind <> 'load' then ${lease} end, started_at = coalesce(started_at, now())
       where id = $1 and ((state in ('queued', 'running') and ${isFree})
         or (state = 'failed' and (mode <> 'snapshot' or ended_at > ${reopenable})))
       returning ${runColumns}`,
      [id, holder],
    ),
  /** The body of a queued run is whole: whoever comes first may work it off. */
  release: (id: string, holder: string) =>
    db.query(
      `update hub.runs set state = 'queued', leased_until = null
       where id = $1 and state in ('queued', 'running') and leased_by = $2`,
      [id, holder],
    ),
  /** Holds a long load for its commit: batches are then refused. Null while another call commits it. */
  holdForCommit: (id: string, holder: string): Promise<RunRow | null> =>
    oneRun(
      db,
      `update hub.runs set leased_by = $2, leased_until = ${lease}
       where id = $1 and state = 'running' and kind = 'load' and not ${isCommitting} returning ${runColumns}`,
      [id, holder],
    ),
  endCommit: (id: string, holder: string) =>
    db.query('update hub.runs set leased_until = null where id = $1 and leased_by = $2', [
      id,
      holder,
    ]),
  extendLease: (id: string, holder: string) =>
    db.query(
      `update hub.runs set leased_until = ${lease} where id = $1 and state = 'running' and leased_by = $2`,
      [id, holder],
    ),
})

/** How runs end. */
const ending = (db: Queryable) => ({
  /**
   * Ends a run well: `partial` when rows were rejected; null when another process has taken it over.
   * The table itself refuses counts that do not add up.
   */
  succeed: (id: string, holder: string): Promise<RunRow | null> =>
    oneRun(
      db,
      `update hub.runs set state = case when rejected_count > 0 then 'partial' else 'succeeded' end,
         ended_at = now(), leased_until = null
       where id = $1 and state = 'running' and leased_by = $2 returning ${runColumns}`,
      [id, holder],
      'succeed-run',
    ),
  /** Only its holder may say that a run has failed: another process may have taken it over and be at work. */
  fail: (id: string, holder: string, error: RunError): Promise<RunRow | null> =>
    oneRun(
      db,
      `update hub.runs set state = 'failed', error = $3, ended_at = now(), leased_until = null
       where id = $1 and state in ('queued', 'running') and leased_by = $2 returning ${runColumns}`,
      [id, holder, JSON.stringify(error)],
    ),
  /** Fails a run that nobody holds any more. */
  failAbandoned: (id: string, error: RunError): Promise<RunRow | null> =>
    oneRun(
      db,
      `update hub.runs set state = 'failed', error = $2, ended_at = now(), leased_until = null
       where id = $1 and state in ('queued', 'running') and ${isFree} returning ${runColumns}`,
      [id, JSON.stringify(error)],
    ),
  cancel: (id: string): Promise<RunRow | null> =>
    oneRun(
      db,
      `update hub.runs set state = 'cancelled', ended_at = now(), leased_until = null
       where id = $1 and state in ('queued', 'running') returning ${runColumns}`,
      [id],
    ),
})

/** Runs over one connection or pool. */
export const runStore = (db: Queryable) => ({
  ...opening(db),
  ...finding(db),
  ...progress(db),
  ...holding(db),
  ...ending(db),
})

export type RunStore = ReturnType<typeof runStore>
