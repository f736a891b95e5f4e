import type { Judged } from '../../exchange/checks/index.ts'
import { joinRows } from '../../exchange/mapping/index.ts'
import type { Pipeline } from '../../exchange/pipeline.ts'
import type { DecodedRow, Fault, MappedRow, RowOperation, SourceRow } from '../../exchange/types.ts'
import type { EncodedRow, LandingRow } from '../records/encode.ts'

/** A source row that was refused, with all that is needed to repair and replay it. */
export interface RejectedRow {
  line: number
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
  line: string
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

export interface BatcherParts {
  pipeline: Pipeline
  encode: (row: LandingRow, ordinal: number) => EncodedRow
  /** The resource's standard orders versions of one key. */
  hasVersions: boolean
  today: string
  /** The mode of the call, where it decides the operation; null lets each row's mapping say. */
  operation: RowOperation | null
}

/** Source rows that make one record. */
interface Joined {
  mapped: MappedRow
  decoded: DecodedRow[]
}

interface Place {
  layer: number
  ordinal: number
}

/**
 * Collects judged rows into a batch: of several rows of one key the newest wins, identical ones count as
 * unchanged, overtaken ones as superseded (`records`, Order and sameness).
 */
export function createBatcher(parts: BatcherParts): Batcher {
  let batch = emptyBatch()
  let places = new Map<string, Place>()
  let joining = new Map<string, Joined>()
  let lastKey: string | null = null
  let refusals = supersededRefusals()

  const stage = (judged: Extract<Judged, { verdict: 'land' }>): void => {
    const known = places.get(judged.key)
    const layer = known === undefined ? 0 : parts.hasVersions ? known.layer + 1 : known.layer
    const rows = (batch.layers[layer] ??= [])
    const ordinal = known !== undefined && !parts.hasVersions ? known.ordinal : rows.length
    const staged = encodeRow(parts, judged, ordinal)
    if (known === undefined || parts.hasVersions) {
      rows.push(staged)
      places.set(judged.key, { layer, ordinal })
      return
    }
    settleRepeat(batch, rows, ordinal, staged)
  }

  /** Rows that live on in a neighbour's record count as superseded; refused ones are each kept, to be joined again. */
  const judge = ({ mapped, decoded }: Joined): void => {
    if (parts.operation !== null) mapped.operation = parts.operation
    const judged = parts.pipeline.judge(mapped, parts.today)
    if (judged.verdict === 'land') {
      if (!parts.hasVersions) refusals.landed(judged)
      stage(judged)
      batch.supersededCount += decoded.length - 1
      return
    }
    const at = mapped.sourceUpdatedAt ?? null
    const refused = decoded.map((row) => rejected(row, judged, at))
    batch.rejects.push(...refused)
    refusals.refused(refused)
  }

  const join = (mapped: MappedRow, decoded: DecodedRow): void => {
    const key = parts.pipeline.joinKey(mapped)
    const held = key === null ? undefined : joining.get(key)
    if (key === null) return judge({ mapped, decoded: [decoded] })
    lastKey = key
    if (held === undefined) {
      joining.set(key, { mapped, decoded: [decoded] })
      return
    }
    held.mapped = joinRows(held.mapped, mapped)
    held.decoded.push(decoded)
  }

  const take = (): Batch => {
    for (const joined of joining.values()) judge(joined)
    const taken = batch
    batch = emptyBatch()
    places = new Map()
    joining = new Map()
    lastKey = null
    refusals = supersededRefusals()
    return taken
  }

  return {
    get readCount() {
      return batch.readCount
    },
    add: (decoded) => {
      batch.readCount += 1
      const mapped = parts.pipeline.map(decoded)
      if (mapped === null) batch.rejects.push(unreadable(decoded))
      else if (mapped.joins === true) join(mapped, decoded)
      else judge({ mapped, decoded: [decoded] })
    },
    take,
    takeWhole: () => {
      const key = lastKey
      const held = key === null ? undefined : joining.get(key)
      if (key === null || held === undefined) return take()
      joining.delete(key)
      batch.readCount -= held.decoded.length
      const taken = take()
      joining.set(key, held)
      lastKey = key
      batch.readCount = held.decoded.length
      return taken
    },
  }
}

/**
 * Where a source gives no times, a later line of its file is the newer one: once it lands, the refused
 * lines of its key before it are no newer versions any more, and mark nothing.
 */
function supersededRefusals() {
  const timeless = new Map<string, RejectedRow[]>()
  return {
    refused: (rows: readonly RejectedRow[]): void => {
      for (const row of rows) {
        if (row.key === null || row.sourceUpdatedAt !== null) continue
        timeless.set(row.key, [...(timeless.get(row.key) ?? []), row])
      }
    },
    landed: ({ key, sourceUpdatedAt }: { key: string; sourceUpdatedAt: string | null }): void => {
      if (timeless.size === 0 || sourceUpdatedAt !== null) return
      for (const row of timeless.get(key) ?? []) row.standing = false
      timeless.delete(key)
    },
  }
}

const emptyBatch = (): Batch => ({
  readCount: 0,
  layers: [],
  rejects: [],
  supersededCount: 0,
  unchangedCount: 0,
})

function encodeRow(
  parts: BatcherParts,
  judged: Extract<Judged, { verdict: 'land' }>,
  ordinal: number,
): StagedRow {
  const { line, hash } = parts.encode(judged, ordinal)
  return {
    key: judged.key,
    hash,
    line,
    sourceUpdatedAt: judged.sourceUpdatedAt,
    isDeletion: judged.operation === 'delete',
    isFlagged: judged.quality.length > 0,
  }
}

/** Without times the later row is the newer one: a source writes in its own order. */
const isOlder = (row: StagedRow, than: StagedRow): boolean =>
  row.sourceUpdatedAt !== null &&
  than.sourceUpdatedAt !== null &&
  row.sourceUpdatedAt < than.sourceUpdatedAt

function settleRepeat(batch: Batch, rows: StagedRow[], ordinal: number, staged: StagedRow): void {
  const before = rows[ordinal] as StagedRow
  const isSame = before.hash === staged.hash && before.isDeletion === staged.isDeletion
  if (isSame) batch.unchangedCount += 1
  else batch.supersededCount += 1
  if (!isOlder(staged, before)) rows[ordinal] = staged
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
