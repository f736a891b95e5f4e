import type { Pool } from 'pg'
import type { RungRun } from '../queue/run-queue.ts'
import { syncLimits } from './limits.ts'

/** A sync's run that could be worked off now. */
const workable = `s.state = 'active'
  and ((r.state = 'queued' and (r.not_before is null or r.not_before <= now()))
    or (r.state = 'running' and r.leased_until < now()))
  and (r.is_aside or r.state = 'running' or not exists (
    select from hub.runs other
    where other.sync = r.sync and other.state = 'running' and not other.is_aside))`

/**
 * Runs of syncs that nobody works at although they could be: queued and due, or their worker died. A run
 * that waits for its sync's running one is left out, and of each origin no more are named than could soon
 * begin, so that a thousand runs against one store do not ring in vain every few seconds.
 */
export async function findForgottenRuns(pool: Pool): Promise<RungRun[]> {
  const { rows } = await pool.query<RungRun>(
    `select id, lane, priority, "isAgain" from (
       select r.id, r.lane, r.priority, r.state = 'running' as "isAgain",
         row_number() over (partition by s.origin order by r.state desc, r.priority, r.id) as place,
         2 * coalesce((s.limits ->> 'concurrency')::int, $2) as room
       from hub.runs r join hub.syncs s on s.id = r.sync
       where ${workable}) found
     where place <= room order by priority, id limit $1`,
    [syncLimits.sweepRunsMax, syncLimits.originConcurrencyMax],
  )
  return rows
}

/** A run whose worker died while its sync was paused does not run: it waits like the sync's others. */
export const restPausedRuns = (pool: Pool) =>
  pool.query(
    `update hub.runs r set state = 'queued', leased_until = null from hub.syncs s
     where s.id = r.sync and s.state = 'paused' and r.state = 'running' and r.leased_until < now()`,
  )

/**
 * The runs that may begin now that one against this origin has ended: the next in order of those that found
 * it busy, brought forward; whatever else waits is rung for by the sweep.
 */
export async function findNextRuns(pool: Pool, origin: string): Promise<RungRun[]> {
  const { rows } = await pool.query<RungRun>({
    name: 'find-next-runs',
    text: `update hub.runs set not_before = null where state = 'queued' and id in (
       select r.id from hub.runs r join hub.syncs s on s.id = r.sync
       where s.origin = $1 and s.state = 'active' and r.state = 'queued'
         and r.not_before <= now() + make_interval(secs => $2)
         and (r.is_aside or not exists (
           select from hub.runs other
           where other.sync = r.sync and other.state = 'running' and not other.is_aside))
       order by r.priority, r.id limit 2
     ) returning id, lane, priority`,
    values: [origin, syncLimits.busyPauseMs / 1000],
  })
  return rows
}
