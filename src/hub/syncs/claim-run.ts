import type { Pool } from 'pg'
import type { RunRow } from '../intake/run-rows.ts'
import { runStore } from '../intake/runs.ts'
import { syncLimits } from './limits.ts'
import { findSync, type SyncRow } from './sync-rows.ts'
import { windowState } from './windows.ts'

export type Claim =
  /** The run is this holder's until its lease ends. */
  | { kind: 'claimed'; run: RunRow; sync: SyncRow }
  /** A push whose body is stored: intake claims it itself. */
  | { kind: 'stored' }
  /** It stays queued: its time has not come, or something else of its sync or origin runs. */
  | { kind: 'busy' }
  /** It stays queued until its window opens. */
  | { kind: 'closed' }

/**
 * Claims a run of a sync for `holder` (`hub.claim_run`); null when there is nothing to do for this worker:
 * ended, held, paused, gone. A run whose window is closed goes back to the queue until it opens.
 */
export async function claimRun(pool: Pool, runId: string, holder: string): Promise<Claim | null> {
  const taken = await take(pool, runId, holder)
  if (taken === null) return null
  if (taken.outcome !== 'claimed') return { kind: taken.outcome }
  const [run, sync] = await Promise.all([runStore(pool).find(runId), findSync(pool, taken.of_sync)])
  if (run === null || sync === null) throw new Error(`Run ${runId} was claimed and is not there`)
  const now = new Date()
  const window = windowState(sync.limits.windows, sync.timezone, now)
  if (window.isOpen) return { kind: 'claimed', run, sync }
  await rest(pool, { id: runId, holder }, window.changesAt ?? new Date(now.getTime() + 60_000))
  return { kind: 'closed' }
}

interface Taken {
  outcome: 'claimed' | 'busy' | 'stored'
  of_sync: string
}

async function take(pool: Pool, runId: string, holder: string): Promise<Taken | null> {
  const { rows } = await pool.query<Taken>({
    name: 'claim-run',
    text: `select outcome, of_sync from hub.claim_run($1, $2, make_interval(secs => $3), make_interval(secs => $4), $5)`,
    values: [
      runId,
      holder,
      syncLimits.leaseMs / 1000,
      syncLimits.busyPauseMs / 1000,
      syncLimits.originConcurrencyMax,
    ],
  })
  return rows[0] ?? null
}

/** Back to the queue as it was: a run that only found its window closed has not started. */
const rest = (pool: Pool, { id, holder }: { id: string; holder: string }, until: Date) =>
  pool.query(
    `update hub.runs set state = 'queued', leased_until = null, not_before = $3,
       started_at = case when batch_count > 0 then started_at end
     where id = $1 and state = 'running' and leased_by = $2`,
    [id, holder, until],
  )
