import type { Pool } from 'pg'
import type { RunError, RunRow } from '../intake/run-rows.ts'
import { syncLimits } from './limits.ts'

/** A run as its holder knows it; every write proves the hold, so that a run lost meanwhile is left alone. */
export interface HeldRun {
  id: string
  holder: string
}

/** Says that the holder lives. False: the run was cancelled, ended or taken over. */
export async function extendLease(pool: Pool, { id, holder }: HeldRun): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update hub.runs set leased_until = now() + make_interval(secs => $3)
     where id = $1 and state = 'running' and leased_by = $2`,
    [id, holder, syncLimits.leaseMs / 1000],
  )
  return rowCount === 1
}

/** Gives a run back as it is: the hub stops, its window has closed, or it belongs in another lane. */
export async function giveBack(
  pool: Pool,
  { id, holder }: HeldRun,
  next: { notBefore: Date | null; lane: RunRow['lane'] },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update hub.runs set state = 'queued', leased_until = null, not_before = $3, lane = $4
     where id = $1 and state = 'running' and leased_by = $2`,
    [id, holder, next.notBefore, next.lane],
  )
  return rowCount === 1
}

/** The pause before that attempt: doubled each time, up to a limit, in milliseconds. */
export const retryPauseMs = (attempt: number): number =>
  Math.min(syncLimits.retryPauseMsMin * 2 ** (attempt - 1), syncLimits.retryPauseMsMax)

/**
 * Gives a run back that its source or the database failed, to be tried again after a pause. `queued`: it
 * will be; `exhausted`: that was its last attempt; `lost`: it is no longer this holder's.
 * `batchCount` is what had landed when the run was claimed: rows landed since begin the count anew.
 */
export async function retryLater(
  pool: Pool,
  { id, holder, batchCount }: HeldRun & { batchCount: number },
  error: RunError,
): Promise<'queued' | 'exhausted' | 'lost'> {
  const { rows } = await pool.query<{ attempt: number }>(
    `update hub.runs set last_error = $4, attempt = case when batch_count > $3 then 1 else attempt + 1 end
     where id = $1 and state = 'running' and leased_by = $2 returning attempt`,
    [id, holder, batchCount, JSON.stringify(error)],
  )
  const [run] = rows
  if (run === undefined) return 'lost'
  if (run.attempt > syncLimits.retryAttemptsMax) return 'exhausted'
  const { rowCount } = await pool.query(
    `update hub.runs set state = 'queued', leased_until = null,
       not_before = now() + make_interval(secs => $3)
     where id = $1 and state = 'running' and leased_by = $2`,
    [id, holder, retryPauseMs(run.attempt) / 1000],
  )
  return rowCount === 1 ? 'queued' : 'lost'
}

/** Ends a run as failed and says so at its sync, in one statement. False: it is no longer this holder's. */
export async function failSyncRun(
  pool: Pool,
  { id, holder }: HeldRun,
  error: RunError,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `with failed as (
       update hub.runs set state = 'failed', error = $3, ended_at = now(), leased_until = null
       where id = $1 and state = 'running' and leased_by = $2 returning sync, is_aside
     ), told as (
       update hub.syncs s set last_failure_at = now() from failed
       where s.id = failed.sync and not failed.is_aside
     )
     select from failed`,
    [id, holder, JSON.stringify(error)],
  )
  return rowCount === 1
}
