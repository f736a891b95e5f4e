import type { AuditFacts } from '../audit/facts.ts'
import { SealedTooLate } from '../audit/sealed/watch-lag.ts'
import { changeFacts } from '../sharing/told-changes.ts'
import type { Delivery, Standing } from './delivery.ts'
import { cursorPosition, type DeliveryPosition } from './delivery-position.ts'
import { lastCheckpoint } from './log-anchor.ts'
import type { ReadBatch } from './read-batch.ts'

/**
 * plan + log ─▶ write ─▶ commit. The number is promised to the range before anything leaves, so that a
 * target that can only tell batches by their numbers never meets one number with two contents that both
 * matter; the audit entry is durable before the rows leave, for each time that they do.
 */
export async function deliverBatch(
  delivery: Delivery,
  standing: Standing,
  batch: ReadBatch,
): Promise<Standing> {
  const planned = planOf(standing, batch)
  await beforeItLeaves(delivery, standing, { batch, planned }).catch(async (error: unknown) => {
    batch.giveBack()
    if (error instanceof SealedTooLate) await logStopped(delivery, { batch, planned }, error)
    throw error
  })
  return commit(delivery, standing, { batch, planned })
}

interface Leaving {
  batch: ReadBatch
  planned: NonNullable<DeliveryPosition['planned']>
}

const planOf = ({ position, number }: Standing, batch: ReadBatch): Leaving['planned'] => ({
  number: position.planned?.number ?? number + 1,
  next: position.planned?.next ?? batch.next,
  upsertCount: batch.upsertCount,
  deleteCount: batch.deleteCount,
  byteCount: batch.byteCount,
})

async function beforeItLeaves(
  delivery: Delivery,
  { position, generation }: Standing,
  { batch, planned }: Leaving,
): Promise<void> {
  const { target, store, sharing, claimed } = delivery
  const [checkpoint] = await Promise.all([
    lastCheckpoint(sharing.hub.database.pool),
    target.commits === 'batch' && store.plan({ ...position, planned }),
    sharing.hub.auditLog.append(factsOf(delivery, { batch, planned })),
  ])
  claimed.signal.throwIfAborted()
  await target.write({
    number: planned.number,
    generation,
    runId: claimed.run.id,
    rows: batch.rows,
    at: sharing.hub.clock.now(),
    position: cursorPosition(planned.next),
    checkpoint,
  })
}

function factsOf({ claimed }: Delivery, { batch, planned }: Leaving): AuditFacts {
  const { facts } = batch.permit
  const told = { items: batch.items, next: planned.next, after: batch.after }
  return {
    ...facts,
    ...changeFacts(batch.reading, told),
    responseBytes: batch.byteCount,
    note: { ...facts.note, batch: planned.number, target: claimed.sync.connector },
  }
}

/** As of a call that is refused: who would have been given something, and nothing of what it was. */
async function logStopped(
  { sharing, claimed }: Delivery,
  { batch: { permit }, planned }: Leaving,
  { code }: SealedTooLate,
): Promise<void> {
  const note = { ...permit.facts.note, batch: planned.number, target: claimed.sync.connector }
  await sharing.hub.auditLog.append({ ...permit.facts, outcome: 'failed', code, note })
}

async function commit(
  { store, target }: Delivery,
  standing: Standing,
  { batch, planned }: Leaving,
): Promise<Standing> {
  const { number, next } = planned
  const { generation } = standing
  const position = { ...next, isFull: standing.position.isFull, planned: null }
  const byteCount = standing.byteCount + batch.byteCount
  const { upsertCount, deleteCount } = batch
  const moves = target.commits === 'batch'
  await store.commit({ number, generation, upsertCount, deleteCount, byteCount, position, moves })
  const batchCount = standing.batchCount + 1
  const rowCount = standing.rowCount + batch.rows.length
  return { position, number, generation, byteCount, batchCount, rowCount }
}
