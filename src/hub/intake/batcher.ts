import type { Judged } from '../../exchange/checks/index.ts'
import { joinRows } from '../../exchange/mapping/index.ts'
import type { Pipeline } from '../../exchange/pipeline.ts'
import type { DecodedRow, MappedRow, RowOperation } from '../../exchange/types.ts'
import { type Batch, emptyBatch, type RejectedRow } from './batch.ts'
import { stagingInto, type StagingParts, supersededRefusals } from './staging.ts'

export interface Batcher {
  add(decoded: DecodedRow): void
  readonly readCount: number
  /** Hands over what has been collected and begins anew. */
  take(): Batch
  /**
   * The same between two batches of one body: the last record that is joined from several rows stays
   * behind with all of its rows, since its next one may still come.
   */
  takeWhole(): Batch
}

export interface BatcherParts extends StagingParts {
  pipeline: Pipeline
  today: string
  /** The mode of the call, where it decides the operation; null lets each row's mapping say. */
  operation: RowOperation | null
}

/** Source rows that make one record. */
interface Joined {
  mapped: MappedRow
  decoded: DecodedRow[]
}

/**
 * Collects rows into batches: maps each, joins those that make one record, judges them, and stages what
 * lands (`records`, Order and sameness).
 */
export function createBatcher(parts: BatcherParts): Batcher {
  let bench = openBench(parts)
  const joining = heldRows()

  const join = (mapped: MappedRow, decoded: DecodedRow): void => {
    const key = parts.pipeline.joinKey(mapped)
    if (key === null) bench.judge({ mapped, decoded: [decoded] })
    else joining.add(key, { mapped, decoded: [decoded] })
  }

  const take = (): Batch => {
    for (const joined of joining.takeAll()) bench.judge(joined)
    const { batch } = bench
    bench = openBench(parts)
    return batch
  }

  return {
    get readCount() {
      return bench.batch.readCount
    },
    add: (decoded) => {
      const { batch, judge } = bench
      batch.readCount += 1
      const mapped = parts.pipeline.map(decoded)
      if (mapped === null) batch.rejects.push(unreadable(decoded))
      else if (mapped.joins === true) join(mapped, decoded)
      else judge({ mapped, decoded: [decoded] })
    },
    take,
    takeWhole: () => {
      const held = joining.takeLast()
      if (held === null) return take()
      bench.batch.readCount -= held.joined.decoded.length
      const batch = take()
      joining.add(held.key, held.joined)
      bench.batch.readCount = held.joined.decoded.length
      return batch
    },
  }
}

/** Rows that wait for others of their record, by the key they share, in the order in which they came. */
function heldRows() {
  const held = new Map<string, Joined>()
  let lastKey: string | null = null
  return {
    add: (key: string, joined: Joined): void => {
      const known = held.get(key)
      lastKey = key
      if (known === undefined) held.set(key, joined)
      else {
        known.mapped = joinRows(known.mapped, joined.mapped)
        known.decoded.push(...joined.decoded)
      }
    },
    takeAll: (): Joined[] => {
      const all = [...held.values()]
      held.clear()
      lastKey = null
      return all
    },
    takeLast: (): { key: string; joined: Joined } | null => {
      const key = lastKey
      const joined = key === null ? undefined : held.get(key)
      if (key === null || joined === undefined) return null
      held.delete(key)
      return { key, joined }
    },
  }
}

/** Where one batch's rows are judged. */
function openBench(parts: BatcherParts) {
  const batch = emptyBatch()
  const staging = stagingInto(batch, parts)
  const refusals = supersededRefusals()
  /** Rows that live on in a neighbour's record count as superseded; refused ones are each kept, to be joined again. */
  const judge = ({ mapped, decoded }: Joined): void => {
    if (parts.operation !== null) mapped.operation = parts.operation
    const judged = parts.pipeline.judge(mapped, parts.today)
    if (judged.verdict === 'land') {
      if (!parts.hasVersions) refusals.landed(judged)
      staging.add(judged)
      batch.supersededCount += decoded.length - 1
      return
    }
    const refused = decoded.map((row) => rejected(row, judged, mapped.sourceUpdatedAt ?? null))
    batch.rejects.push(...refused)
    refusals.refused(refused)
  }
  return { batch, judge }
}

const unreadable = (decoded: DecodedRow): RejectedRow => ({
  line: decoded.line,
  source: decoded.fault === undefined ? decoded.row : decoded.raw,
  key: null,
  reasons: decoded.fault === undefined ? [] : [{ field: null, code: decoded.fault }],
  standing: false,
  sourceUpdatedAt: null,
})

const rejected = (
  decoded: DecodedRow,
  judged: Extract<Judged, { verdict: 'reject' }>,
  sourceUpdatedAt: string | null,
): RejectedRow => ({
  line: decoded.line,
  source: decoded.row ?? '',
  key: judged.key,
  reasons: judged.reasons,
  standing: judged.standing,
  sourceUpdatedAt,
})
