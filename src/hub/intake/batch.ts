import type { Fault, SourceRow } from '../../exchange/types.ts'

/** A source row that was refused, with all that is needed to repair and replay it. */
export interface RejectedRow {
  line: number
  /** Of a sync's row: the file or exchange batch that it came in, and its line there. */
  unit?: string | null
  unitLine?: number | null
  source: SourceRow | string
  key: string | null
  reasons: readonly Fault[]
  /** The merge key is known: its live record is marked, and a snapshot counts it as present. */
  standing: boolean
  sourceUpdatedAt: string | null
}

/** A row ready for the stage. */
export interface StagedRow {
  key: string
  hash: string
  /** Encoded at once: two batches of texts, each a rope of its cells, would be most of the hub's memory. */
  line: Buffer
  sourceUpdatedAt: string | null
  isDeletion: boolean
  isFlagged: boolean
}

/**
 * What is committed at once. Layers are merged one after the other: only resources with versions have
 * more than one, since two versions of one licence are two facts, not a repetition.
 */
export interface Batch {
  readCount: number
  layers: StagedRow[][]
  rejects: RejectedRow[]
  /** Refused and counted before: a snapshot marks their live records at its commit. */
  refusedBefore?: Pick<RejectedRow, 'key' | 'standing' | 'sourceUpdatedAt'>[]
  /** Repeated rows that the newest of their key made superfluous. */
  supersededCount: number
  /** Repeated rows that said the same again. */
  unchangedCount: number
}

export const emptyBatch = (): Batch => ({
  readCount: 0,
  layers: [],
  rejects: [],
  supersededCount: 0,
  unchangedCount: 0,
})
