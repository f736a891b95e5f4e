import type { Position } from '../../connectors/contract.ts'
import type { Cursor } from '../records/read-changes.ts'

/**
 * A batch that has been promised its number: from then on this number means the changes between the
 * position before it and `next`, whoever delivers it, however often. What is kept of it is enough to count
 * it where only the target knows that it has arrived.
 */
export interface PlannedBatch {
  number: number
  next: Cursor
  upsertCount: number
  deleteCount: number
  byteCount: number
}

/** Where a delivery stands, as `hub.syncs.position` keeps it. */
export interface DeliveryPosition extends Cursor {
  /** A full load is under way: what older ones left is deleted once the feed has been followed to its end. */
  isFull: boolean
  planned: PlannedBatch | null
}

/** Everything lies ahead. */
export const beginning: DeliveryPosition = { seq: 0, base: null, isFull: true, planned: null }

/** Null: nothing was ever delivered. */
export function readPosition(kept: Position | null): DeliveryPosition | null {
  if (kept === null) return null
  const { isFull, planned } = kept
  return {
    ...readCursorCell(kept),
    isFull: isFull === true,
    planned: isObject(planned) ? readPlanned(planned) : null,
  }
}

const readPlanned = (kept: Position): PlannedBatch => ({
  number: numberOf(kept['number']),
  next: readCursorCell(kept['next']),
  upsertCount: numberOf(kept['upsertCount']),
  deleteCount: numberOf(kept['deleteCount']),
  byteCount: numberOf(kept['byteCount']),
})

function readCursorCell(kept: unknown): Cursor {
  const { seq, base }: Position = isObject(kept) ? kept : {}
  return { seq: numberOf(seq), base: typeof base === 'number' ? base : null }
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)

const isObject = (value: unknown): value is Position => typeof value === 'object' && value !== null

/** As JSON for the target and for the run's checkpoint: the cursor alone. */
export const cursorPosition = ({ seq, base }: Cursor): Position => ({ seq, base })

/** The checkpoint for people. */
export const positionWords = ({ seq }: Cursor): string =>
  `已交付至变更号 ${seq} / delivered up to change ${seq}`
