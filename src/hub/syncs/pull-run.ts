import type { Hub } from '../hub.ts'
import { Republished } from '../intake/land-batch.ts'
import { Cancelled } from '../intake/landing-session.ts'
import { Refusal } from '../../shared/refusal.ts'
import { deleteUnmet } from './full-deletions.ts'
import { type PullParts, withSource } from './pull-parts.ts'
import { endPull } from './pull-end.ts'
import { isFull, movesPosition, type Planned, planPull } from './pull-plan.ts'
import { pullRows } from './pull-rows.ts'
import { reconcile } from './reconcile.ts'
import { type ClaimedRun, type RunOutcome, RunStopped, type RunWork } from './run-work.ts'
import { syncLimits } from './limits.ts'
import { acknowledgeUnits } from './units.ts'

/**
 * One pull run, from its claim to its end or to where it makes room:
 *
 *   tell units ─▶ plan (columns, bounds) ─▶ read ═ batches, each with its checkpoint ═▶ delete ─▶ end
 */
export const pullWork =
  (hub: Hub): RunWork =>
  (claimed) =>
    withReasons(claimed, () => withSource(hub, claimed, pull))

async function pull(parts: PullParts): Promise<RunOutcome> {
  await acknowledgeUnits(parts)
  const planned = await planPull(parts)
  refuseHalfRecords(parts, planned)
  let { checkpoint } = planned
  let readTotal = planned.run.counts.read - planned.plan.readBase
  if (checkpoint?.isRead !== true) {
    if (isTooLarge(planned)) return { kind: 'yielded', notBefore: null, lane: 'large' }
    const reading = await pullRows(parts, planned)
    if (reading.kind === 'yielded') return reading
    readTotal += reading.readCount
    checkpoint = reading.checkpoint
  }
  await acknowledgeUnits(parts)
  if (isFull(planned.run)) await deleteUnmet(parts, planned, readTotal)
  const reconciliation = await reconcile(parts, planned, { readTotal, checkpoint })
  return { kind: 'ended', run: await endPull(parts, planned, { reconciliation, readTotal }) }
}

/** A run that is known to be large makes room before its first row: nothing of it is read twice then. */
const isTooLarge = ({ run, plan }: Planned): boolean =>
  run.lane === 'small' && (plan.sourceCount ?? 0) > syncLimits.smallRunRowsMax

/** An incremental read gives the rows that changed, and a record of several rows would lose the others. */
function refuseHalfRecords({ pipeline }: PullParts, { run, plan }: Planned): void {
  const isPartial = movesPosition(run) || plan.bounds.range !== null
  if (!pipeline.mapping.joins || !isPartial || plan.bounds.cursor === null) return
  throw new Refusal(
    'state-conflict',
    '多行合成一条记录的映射须用全量同步 / A mapping that joins several rows to one record needs a full sync',
  )
}

/** What ended the work, told by its true name: a signal's reason, a lease that was lost, a new version. */
export async function withReasons<T>(claimed: ClaimedRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { signal } = claimed
    if (signal.aborted) throw signal.reason
    if (error instanceof Cancelled) throw new RunStopped('lease-lost')
    if (error instanceof Republished) throw new Refusal('unavailable', error.message)
    throw error
  }
}
