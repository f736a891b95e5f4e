import { Refusal } from '../../shared/refusal.ts'
import { type Proven, proveNow } from '../records/proof.ts'
import {
  type Change,
  type Changes,
  type ChangesCall,
  type Cursor,
  type Following,
  readChanges,
} from '../records/read-changes.ts'
import type { Reading } from '../records/reading.ts'
import { openFields } from '../sharing/sharing.ts'
import { attemptsMax } from '../sharing/take-out.ts'
import type { Delivery, Standing } from './delivery.ts'
import { type DeliveryPermit, demandPermit } from './delivery-permit.ts'
import { type SizedRows, targetRows } from './target-rows.ts'

/** What the feed holds next, and the permission under which it was read. */
export type FoundBatch =
  | { kind: 'batch'; batch: ReadBatch }
  | { kind: 'end'; next: Cursor }
  /** What was deleted since is no longer known: only a full load can make it good. */
  | { kind: 'expired' }

export interface ReadBatch extends SizedRows {
  permit: DeliveryPermit
  reading: Reading
  items: readonly Change[]
  after: number
  next: Cursor
  /** Of the daily quota, what does not leave after all. */
  giveBack(): void
}

/**
 * Decides anew and reads the next batch with proof of the decision in the reading SQL; where the proof does
 * not hold, it is decided once more by what the database says now. A batch that was planned is read again in
 * exactly its range: what has changed since has moved on behind it, and comes with a later one.
 */
export async function readBatch(delivery: Delivery, standing: Standing): Promise<FoundBatch> {
  const { sharing, claimed } = delivery
  for (let attempts = 0; attempts < attemptsMax; attempts += 1) {
    const permit = await demandPermit(sharing, claimed)
    const proven = await readPermitted(delivery, standing, permit)
    const { pool } = sharing.hub.database
    // A snapshot sees the grant as it was when the snapshot was taken.
    const isStale = delivery.snapshot && (await proveNow(pool, permit.proof)).held !== 'all'
    if (proven.held === 'all' && !isStale) return proven.found
    if (proven.held === 'all' && proven.found.kind === 'batch') proven.found.batch.giveBack()
    await sharing.grants.findNow(permit.proof.systemId, permit.served.id)
  }
  throw new Refusal('unavailable', '授权正在变更,请重试 / The grant is being changed; try again')
}

async function readPermitted(
  delivery: Delivery,
  { position }: Standing,
  permit: DeliveryPermit,
): Promise<Proven<FoundBatch>> {
  const { sharing, snapshot } = delivery
  const reader = snapshot ?? sharing.hub.database.pool
  const { planned } = position
  const following = followingOf(delivery, permit)
  const { proof, grant } = permit
  const wanted = planned?.upsertCount ?? delivery.batchRowsMax
  const quota = await takeQuota(sharing.quotas, grant, { wanted, least: planned ? wanted : 1 })
  if (quota instanceof Refusal) {
    return orEnd(await readRange(reader, following, { proof, cursor: position, limit: 1 }), quota)
  }
  let usedCount = 0
  try {
    const limit = planned ? planned.upsertCount + planned.deleteCount : quota
    const bounds = { proof, cursor: position, limit, ...(planned && { through: planned.next.seq }) }
    const read = await readRange(reader, following, bounds)
    if (read.held !== 'all') return read
    const found = foundIn(delivery, { permit, following, planned: planned !== null }, read.found)
    if (found.kind !== 'batch') return { held: 'all', found }
    const upsertCount = (usedCount = found.batch.upsertCount)
    const giveBack = (): void => sharing.quotas.giveBack(grant, upsertCount)
    return { held: 'all', found: { kind: 'batch', batch: { ...found.batch, giveBack } } }
  } finally {
    sharing.quotas.giveBack(grant, quota - usedCount)
  }
}

const followingOf = (
  { sharing }: Delivery,
  { served, grant, obligations }: DeliveryPermit,
): Following => ({
  reading: sharing.reading(served, obligations),
  isOpen: openFields(served, grant),
})

/** How much of the day's quota was taken, or the refusal. */
const takeQuota = (
  quotas: Delivery['sharing']['quotas'],
  grant: DeliveryPermit['grant'],
  { wanted, least }: { wanted: number; least: number },
): Promise<number | Refusal> =>
  quotas.take(grant, wanted, least).catch((error: unknown) => {
    if (error instanceof Refusal && error.code === 'quota-exceeded') return error
    throw error
  })

/** A quota that is used up stops nothing when there is nothing left to deliver. */
function orEnd(read: Proven<Changes>, exceeded: Refusal): Proven<FoundBatch> {
  if (read.held !== 'all') return read
  if (read.found.kind === 'changes' && read.found.items.length === 0) {
    return { held: 'all', found: { kind: 'end', next: read.found.next } }
  }
  throw exceeded
}

interface Context {
  permit: DeliveryPermit
  following: Following
  planned: boolean
}

type Found =
  | { kind: 'batch'; batch: Omit<ReadBatch, 'giveBack'> }
  | Exclude<FoundBatch, { kind: 'batch' }>

function foundIn(delivery: Delivery, context: Context, changes: Changes): Found {
  if (changes.kind === 'expired') return { kind: 'expired' }
  const { items, next, after } = changes
  // A planned batch keeps its number even when all of it has moved on: a target may wait for it.
  if (items.length === 0 && !context.planned) return { kind: 'end', next }
  const { permit, following } = context
  const sized = targetRows(delivery, { ...context, reading: following.reading }, items)
  const told = items.slice(0, sized.rows.length)
  const last = told.length < items.length ? told.at(-1) : undefined
  const batch = {
    ...sized,
    permit,
    reading: following.reading,
    items: told,
    after,
    next: last ? { seq: last.seq, base: next.base } : next,
  }
  return { kind: 'batch', batch }
}

/** Up to `limit` changes; where the range has an end, as many reads as it takes to come there. */
async function readRange(
  pool: Parameters<typeof readChanges>[0],
  following: Following,
  call: ChangesCall,
): Promise<Proven<Changes>> {
  const { cursor, limit, through } = call
  const items: Change[] = []
  let next = cursor
  for (;;) {
    const rest = { ...call, cursor: next, limit: limit - items.length }
    const read = await readChanges(pool, following, rest)
    if (read.held !== 'all' || read.found.kind === 'expired') return read
    items.push(...read.found.items)
    next = read.found.next
    const isWhole = through === undefined || next.seq >= through || items.length >= limit
    if (isWhole || read.found.items.length === 0) {
      return { held: 'all', found: { kind: 'changes', items, next, after: cursor.seq } }
    }
  }
}
