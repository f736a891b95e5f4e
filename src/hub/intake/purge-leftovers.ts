import type { Pool } from 'pg'
import { intakeLimits } from './limits.ts'

/** What was removed or ended, by kind. */
export interface PurgedLeftovers {
  bodyPieces: number
  snapshotRows: number
  idleLoads: number
}

/** A body's run that has just ended may be taken up again at this very moment; an hour later it is not. */
const endedBodies = `delete from hub.run_bodies b using hub.runs r where r.id = b.run_id
  and r.state in ('succeeded', 'partial', 'failed', 'cancelled') and r.ended_at < now() - interval '1 hour'`

/**
 * A failed snapshot may go on with its rows for `reopenDaysMax`; they stay a day longer than that, so
 * that no snapshot can ever be committed without what it named.
 */
const endedSnapshots = `delete from hub.snapshot_rows k using hub.runs r where r.id = k.run_id
  and (r.state in ('succeeded', 'partial', 'cancelled')
    or (r.state = 'failed' and r.ended_at < now() - make_interval(days => $1)))`

const endIdleLoads = `update hub.runs r set state = 'failed', ended_at = now(), leased_until = null, error = $2
  where r.kind = 'load' and r.state = 'running' and (r.leased_until is null or r.leased_until < now())
    and r.created_at < now() - make_interval(days => $1)
    and not exists (select from hub.batches b where b.run_id = r.id
      and b.committed_at > now() - make_interval(days => $1))`

const idle = {
  code: 'unavailable',
  message: `分批推送已闲置 ${intakeLimits.idleLoadDaysMax} 天,已结束;可重试后继续 / The load was idle for ${intakeLimits.idleLoadDaysMax} days and has ended; retry it to go on`,
}

/** Ends long loads that nobody goes on with, and removes stored bodies and snapshot rows of ended runs. */
export async function purgeLeftovers(pool: Pick<Pool, 'query'>): Promise<PurgedLeftovers> {
  const count = async (sql: string, values: unknown[] = []): Promise<number> =>
    (await pool.query(sql, values)).rowCount ?? 0
  return {
    idleLoads: await count(endIdleLoads, [intakeLimits.idleLoadDaysMax, JSON.stringify(idle)]),
    bodyPieces: await count(endedBodies),
    snapshotRows: await count(endedSnapshots, [intakeLimits.reopenDaysMax + 1]),
  }
}
