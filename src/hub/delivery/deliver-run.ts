import type { Target } from '../../connectors/contract.ts'
import { bindConnector } from '../../connectors/index.ts'
import { Refusal } from '../../shared/refusal.ts'
import { SealedTooLate } from '../audit/sealed/watch-lag.ts'
import type { Hub } from '../hub.ts'
import type { Cursor } from '../records/read-changes.ts'
import { secondsToMidnight } from '../sharing/quotas.ts'
import { openSharing, type Sharing } from '../sharing/sharing.ts'
import { syncLimits } from '../syncs/limits.ts'
import { openPace, pause } from '../syncs/pull-pace.ts'
import type { ClaimedRun, RunOutcome, RunWork } from '../syncs/run-work.ts'
import { openSettings } from '../syncs/settings-seal.ts'
import { findSync } from '../syncs/sync-rows.ts'
import { windowState } from '../syncs/windows.ts'
import { deliverBatch } from './deliver-batch.ts'
import type { Delivery, Standing } from './delivery.ts'
import { demandPermit } from './delivery-permit.ts'
import { deliveryStore } from './delivery-store.ts'
import { deliveryLimits } from './limits.ts'
import { lastCheckpoint } from './log-anchor.ts'
import { type FoundBatch, readBatch } from './read-batch.ts'
import { beginFull, takeUp } from './take-up.ts'
import { deliveredFields } from './target-shape.ts'
import { watchTarget } from './watch-target.ts'

/**
 * Delivers a resource's changes to a subscriber's store under a grant:
 *
 *   decide ─▶ prepare ─▶ take up ─▶ ┌─ decide · read with proof ─▶ plan + log ─▶ write ─▶ commit ─┐ ─▶ finish
 *                                   └──────────────────────── until the feed is empty ──────────────┘
 *
 * A grant that ends between two batches ends the run with the grant's code; what was delivered stays. A
 * quota that is used up sends the run back to the queue until midnight in Shanghai, its `lastError` saying
 * so; a file, which is there only as a whole, fails instead. While the log is sealed too late nothing leaves
 * either: the run waits in the queue, for as long as it takes. A delivery runs by schedule or by hand.
 */
export function deliverWork(hub: Hub, doors: DeliveryDoors = {}): RunWork {
  const sharing = openSharing(hub)
  return async (held) => {
    const { signal } = held
    try {
      signal.throwIfAborted()
      return await deliver({ sharing, doors }, await withNewestSync(hub, held))
    } catch (error) {
      // Whatever an abort makes fail on its way is not what stopped the run.
      throw signal.aborted ? signal.reason : error
    }
  }
}

/** Through which a delivery reaches the subscriber and the hub's own tables; tests break them. */
export interface DeliveryDoors {
  openTarget?: (hub: Hub, claimed: ClaimedRun) => Promise<Target>
  openStore?: typeof deliveryStore
  /** Changes of one batch; what is usual where it is not said. */
  batchRowsMax?: number
}

/** The sync as the last run left it: what was known when the run was rung may be out of date. */
async function withNewestSync(hub: Hub, held: ClaimedRun): Promise<ClaimedRun> {
  const sync = await findSync(hub.database.pool, held.sync.id)
  return sync ? { ...held, sync } : held
}

async function deliver(
  { sharing, doors }: { sharing: Sharing; doors: DeliveryDoors },
  claimed: ClaimedRun,
): Promise<RunOutcome> {
  const { served, obligations } = await demandPermit(sharing, claimed)
  const fields = deliveredFields(served.fields, obligations, claimed.sync.targetColumns)
  const target = await openWatched(sharing.hub, claimed, doors.openTarget ?? openTarget)
  try {
    await target.prepare({ delivery: claimed.sync.id, columns: fields.map(({ column }) => column) })
    const store = (doors.openStore ?? deliveryStore)(sharing.hub.database.pool, claimed)
    const pace = openPace(claimed.sync.limits.rowsPerSecond, sharing.hub.clock.nowMs)
    // A second's worth at most: a slow pace is then many small batches, not long silences.
    const { rowsPerSecond = Number.POSITIVE_INFINITY } = claimed.sync.limits
    const batchRowsMax = Math.min(doors.batchRowsMax ?? deliveryLimits.batchRowsMax, rowsPerSecond)
    const parts = { sharing, claimed, target, store, fields, pace }
    const delivery = { ...parts, batchRowsMax, snapshot: null }
    return await (target.commits === 'run' ? inSnapshot(delivery) : deliverAll(delivery))
  } finally {
    await target.close().catch(() => undefined)
  }
}

async function openWatched(
  hub: Hub,
  claimed: ClaimedRun,
  open: typeof openTarget,
): Promise<Target> {
  const gone = new AbortController()
  const target = await open(hub, {
    ...claimed,
    signal: AbortSignal.any([claimed.signal, gone.signal]),
  })
  const seconds = claimed.sync.limits.noProgressSeconds ?? deliveryLimits.noProgressSeconds
  const giveUp = (): void => gone.abort()
  return watchTarget(target, { silentMsMax: seconds * 1000, signal: claimed.signal, giveUp })
}

export async function openTarget(
  { keys, config }: Hub,
  { sync, signal }: ClaimedRun,
): Promise<Target> {
  const bound = await bindConnector(sync.connector, openSettings(sync, keys), '/target/settings')
  if (bound.openTarget) return bound.openTarget({ filesDirs: config.filesDirs, signal })
  throw new Refusal(
    'state-conflict',
    `连接器 ${sync.connector} 不能作为交付目标 / Nothing can be delivered to a connector of kind ${sync.connector}`,
  )
}

async function inSnapshot(delivery: Delivery): Promise<RunOutcome> {
  const snapshot = await delivery.sharing.hub.database.openClient('reads')
  try {
    await snapshot.query('begin transaction isolation level repeatable read, read only')
    return await deliverAll({ ...delivery, snapshot })
  } finally {
    await snapshot.end().catch(() => undefined)
  }
}

async function deliverAll(delivery: Delivery): Promise<RunOutcome> {
  let standing = await takeUp(delivery)
  for (;;) {
    delivery.claimed.signal.throwIfAborted()
    const found = await readBatch(delivery, standing).catch((error: unknown) =>
      quotaEnded(delivery, error),
    )
    if ('notBefore' in found) return found
    if (found.kind === 'end') return finish(delivery, standing, found.next)
    const moved = await move(delivery, standing, found).catch((error: unknown) =>
      sealAwaited(delivery, error),
    )
    if ('notBefore' in moved) return moved
    standing = moved
    const left = mustLeave(delivery, standing)
    if (left) return left
    if (found.kind === 'batch') {
      await pause(delivery.pace.owed(found.batch.rows.length), delivery.claimed.signal)
    }
  }
}

const move = (
  delivery: Delivery,
  standing: Standing,
  found: Exclude<FoundBatch, { kind: 'end' }>,
): Promise<Standing> =>
  found.kind === 'expired'
    ? beginAnew(delivery, standing)
    : deliverBatch(delivery, standing, found.batch)

/**
 * The log is sealed too late to hand out anything: the run waits, and none of its attempts is used up, for
 * neither the subscriber nor the delivery is at fault. A file is begun anew, as after any break.
 */
async function sealAwaited(delivery: Delivery, error: unknown): Promise<Yielded> {
  if (!(error instanceof SealedTooLate)) throw error
  return putOff(delivery, error, error.retryAfterSeconds ?? 0)
}

/** Nothing more today: the run waits for tomorrow's quota. */
async function quotaEnded(delivery: Delivery, error: unknown): Promise<Yielded> {
  const isExceeded = error instanceof Refusal && error.code === 'quota-exceeded'
  if (!isExceeded || delivery.target.commits === 'run') throw error
  return putOff(delivery, error, secondsToMidnight(delivery.sharing.hub.clock.now()))
}

type Yielded = Extract<RunOutcome, { kind: 'yielded' }>

async function putOff(
  { claimed, store, sharing }: Delivery,
  { code, message }: Refusal,
  seconds: number,
): Promise<Yielded> {
  await store.noteFault({ code, message })
  const notBefore = new Date(sharing.hub.clock.now().getTime() + seconds * 1000)
  return { kind: 'yielded', notBefore, lane: claimed.run.lane }
}

/**
 * Whether the run has to make room: its window has closed, or it is larger than its lane is for. A file is
 * written to its end once it was begun.
 */
function mustLeave(
  { claimed, target, sharing }: Delivery,
  { rowCount }: Standing,
): RunOutcome | null {
  if (target.commits === 'run') return null
  const { run, sync } = claimed
  const window = windowState(sync.limits.windows, sync.timezone, sharing.hub.clock.now())
  if (!window.isOpen) return { kind: 'yielded', notBefore: window.changesAt, lane: run.lane }
  const isLarge = run.lane === 'small' && rowCount >= syncLimits.smallRunRowsMax
  return isLarge ? { kind: 'yielded', notBefore: null, lane: 'large' } : null
}

/** The cursor has expired. What a file has been given of changes is void: the next attempt begins with all. */
async function beginAnew(delivery: Delivery, standing: Standing): Promise<Standing> {
  if (delivery.target.commits === 'batch') return beginFull(delivery, standing)
  if (standing.batchCount > 0) {
    throw new Refusal('unavailable', '游标已过期,重新全量交付 / The cursor has expired; begin anew')
  }
  const position = { seq: 0, base: null, isFull: true, planned: null }
  return { ...standing, position, generation: standing.generation + 1 }
}

async function finish(
  { target, store, claimed, sharing }: Delivery,
  { position, number, generation }: Standing,
  next: Cursor,
): Promise<RunOutcome> {
  const { isFull } = position
  const { run } = claimed
  // The run's own time, so that a file which was put in place before a crash is replaced by itself.
  const at = run.startedAt === null ? sharing.hub.clock.now() : new Date(run.startedAt)
  const checkpoint = await lastCheckpoint(sharing.hub.database.pool)
  const end = { runId: run.id, generation, isFull, at, checkpoint }
  const { deletedCount } = await target.finish(end)
  const ended = await store.end({
    position: { ...next, isFull: false, planned: null },
    number,
    generation,
    clearedCount: isFull ? deletedCount : null,
  })
  return { kind: 'ended', run: ended }
}
