import type { Target } from '../../connectors/contract.ts'
import type { RunRow } from '../intake/run-rows.ts'
import type { SyncRow } from '../syncs/sync-rows.ts'
import type { Delivery, Standing } from './delivery.ts'
import { demandSameLog } from './log-anchor.ts'
import { beginning, type DeliveryPosition, readPosition } from './delivery-position.ts'

type LastBatch = Awaited<ReturnType<Target['lastBatch']>>

/**
 * Where a run goes on. A target that commits batch by batch is asked for its last one: a batch that had
 * arrived before the hub could say so is counted, not written again; a target that has lost batches, or
 * holds ones that this hub knows nothing of (either of them was restored), is loaded in full. A target that
 * commits with the run knows nothing of a broken one: everything is counted from the sync's position again.
 */
export async function takeUp(delivery: Delivery): Promise<Standing> {
  const { target, claimed, store, sharing } = delivery
  if (target.commits === 'run') return startWhole(delivery)
  const { run, sync } = claimed
  const known = readPosition(sync.position)
  const last = await target.lastBatch()
  const { keys, database } = sharing.hub
  await demandSameLog({ keys, pool: database.pool }, last?.checkpoint ?? null)
  const isTakenUp = hasBegun(run)
  if (known === null || (!isTakenUp && asksFull(run)) || isLost(sync, known, last)) {
    return beginFull(delivery, standingOf(delivery, known ?? beginning), last)
  }
  if (!isTakenUp) await store.notePlan({ generation: sync.generation })
  const standing = standingOf(delivery, known)
  const hasArrived =
    last !== null && last.number === known.planned?.number && last.generation === sync.generation
  return hasArrived ? adopt(delivery, standing) : standing
}

/** A full load of its own generation; batch numbers go on, beyond every one that may have been used. */
export async function beginFull(
  { store }: Pick<Delivery, 'store'>,
  standing: Standing,
  last: LastBatch = null,
): Promise<Standing> {
  const { position, generation, number } = standing
  const full = {
    generation: Math.max(generation, last?.generation ?? 0) + 1,
    number: Math.max(number, position.planned?.number ?? 0, last?.number ?? 0),
    position: beginning,
  }
  await store.beginFull(full)
  return { ...standing, ...full }
}

async function startWhole({ claimed, store }: Delivery): Promise<Standing> {
  const { run, sync } = claimed
  if (run.batchCount > 0) await store.startOver()
  const known = readPosition(sync.position)
  const isFull = known === null || known.isFull || asksFull(run) || isWholeFile(sync)
  return {
    position: isFull ? beginning : { ...known, planned: null },
    number: sync.batchNumber,
    generation: sync.generation + (isFull ? 1 : 0),
    byteCount: 0,
    batchCount: 0,
    rowCount: 0,
  }
}

/** Files hold all records each time unless they are said to hold the changes. */
const isWholeFile = ({ settings }: SyncRow): boolean => settings['content'] !== 'changes'

/** The batch that had arrived, counted as it was planned. */
async function adopt({ store }: Delivery, standing: Standing): Promise<Standing> {
  const { planned, isFull } = standing.position
  if (planned === null) return standing
  const { number, next, upsertCount, deleteCount } = planned
  const position: DeliveryPosition = { ...next, isFull, planned: null }
  const byteCount = standing.byteCount + planned.byteCount
  const { generation, batchCount, rowCount } = standing
  await store.commit({
    number,
    generation,
    upsertCount,
    deleteCount,
    byteCount,
    position,
    moves: true,
  })
  return { position, number, generation, byteCount, batchCount: batchCount + 1, rowCount }
}

const standingOf = (
  { claimed: { run, sync } }: Delivery,
  position: DeliveryPosition,
): Standing => ({
  position,
  number: sync.batchNumber,
  generation: sync.generation,
  byteCount: run.byteCount,
  batchCount: run.batchCount,
  rowCount: 0,
})

/** A run that began before has its generation in its plan. */
const hasBegun = ({ plan }: RunRow): boolean =>
  typeof plan === 'object' && plan !== null && 'delivery' in plan

/** By hand, or by the sync's own mode. */
const asksFull = ({ mode }: RunRow): boolean => mode === 'snapshot'

/** Kinds whose target cannot say what has arrived. */
const forgetful: ReadonlySet<SyncRow['connector']> = new Set(['http'])

/** Whether the target holds another last batch than the hub knows of. */
function isLost(sync: SyncRow, known: DeliveryPosition, last: LastBatch): boolean {
  if (forgetful.has(sync.connector)) return false
  const { batchNumber } = sync
  if (last === null) return known.seq > 0 && batchNumber > 0
  if (last.number === known.planned?.number) return false
  // At the beginning of a full load nothing need be there, if only nothing newer is.
  return known.seq > 0 ? last.number !== batchNumber : last.number > batchNumber
}
