import type { PoolClient } from 'pg'
import type { Reconciliation } from '../../../schemas/api/syncs.ts'
import { inTransaction } from '../database/connect.ts'
import type { RunRow } from '../intake/run-rows.ts'
import { runStore } from '../intake/runs.ts'
import { forgetSnapshot } from '../intake/snapshot-rows.ts'
import type { PullParts } from './pull-parts.ts'
import { isFull, type Planned } from './pull-plan.ts'
import { type ClaimedRun, RunStopped } from './run-work.ts'

/** Ends a run well, and whatever belongs to it, in one transaction. */
export const endSyncRun = (
  { intake, run, holder }: Pick<PullParts, 'intake'> & Pick<ClaimedRun, 'run' | 'holder'>,
  reconciliation: Reconciliation,
  alongside: (client: PoolClient, ended: RunRow) => Promise<unknown>,
): Promise<RunRow> =>
  inTransaction(intake.pool, async (client) => {
    await client.query('update hub.runs set reconciliation = $3 where id = $1 and leased_by = $2', [
      run.id,
      holder,
      JSON.stringify(reconciliation),
    ])
    const ended = await runStore(client).succeed(run.id, holder)
    if (ended === null) throw new RunStopped('lease-lost')
    if (isFull(run)) await forgetSnapshot(client, run.id)
    await alongside(client, ended)
    return ended
  })

/** What the sync knows of its source after a pull; a run beside it changes nothing of that. */
export function endPull(
  parts: PullParts,
  planned: Planned,
  { reconciliation, readTotal }: { reconciliation: Reconciliation; readTotal: number },
): Promise<RunRow> {
  const { sync, run } = parts
  const { columns } = planned
  return endSyncRun(parts, reconciliation, async (client, ended) => {
    if (run.isAside) return
    const { inserted, updated, deleted } = ended.counts
    await client.query(
      `update hub.syncs set last_success_at = now(), source_columns = coalesce($2, source_columns),
         last_row_at = case when $3 then now() else last_row_at end,
         last_full_count = coalesce($4, last_full_count), position = coalesce($5, position)
       where id = $1`,
      [
        sync.id,
        columns === null ? null : JSON.stringify(columns),
        inserted + updated + deleted > 0,
        isFull(run) ? readTotal : null,
        positionAfterFull(parts, planned),
      ],
    )
  })
}

/** Whoever has read everything has read all that was there when it began: the next run goes on from there. */
const positionAfterFull = ({ sync, run }: PullParts, { plan }: Planned): string | null =>
  isFull(run) && sync.mode === 'incremental' && sync.cursor !== null && plan.newest !== null
    ? JSON.stringify(plan.newest)
    : null
