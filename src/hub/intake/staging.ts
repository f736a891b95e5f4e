import type { Judged } from '../../exchange/checks/index.ts'
import type { EncodedRow, LandingRow } from '../records/encode.ts'
import type { Batch, RejectedRow, StagedRow } from './batch.ts'

type Landed = Extract<Judged, { verdict: 'land' }>

/** Where rows of a batch are staged: of several of one key the newest wins, unless they are versions. */
export interface Staging {
  add(judged: Landed): void
}

export interface StagingParts {
  encode: (row: LandingRow, ordinal: number) => EncodedRow
  /** The resource's standard orders versions of one key: each of them is a fact, in a layer of its own. */
  hasVersions: boolean
}

interface Place {
  layer: number
  ordinal: number
}

/** Stages rows into `batch`; identical repeats count as unchanged, overtaken ones as superseded. */
export function stagingInto(batch: Batch, parts: StagingParts): Staging {
  const places = new Map<string, Place>()
  const append = (judged: Landed, layer: number): void => {
    const rows = (batch.layers[layer] ??= [])
    places.set(judged.key, { layer, ordinal: rows.length })
    rows.push(encodeRow(parts, judged, rows.length))
  }
  return {
    add: (judged) => {
      const known = places.get(judged.key)
      if (known === undefined) append(judged, 0)
      else if (parts.hasVersions) append(judged, known.layer + 1)
      else settleRepeat(batch, known, encodeRow(parts, judged, known.ordinal))
    },
  }
}

function encodeRow({ encode }: StagingParts, judged: Landed, ordinal: number): StagedRow {
  const { line, hash } = encode(judged, ordinal)
  return {
    key: judged.key,
    hash,
    line,
    sourceUpdatedAt: judged.sourceUpdatedAt,
    isDeletion: judged.operation === 'delete',
    isFlagged: judged.quality.length > 0,
  }
}

function settleRepeat(batch: Batch, { layer, ordinal }: Place, staged: StagedRow): void {
  const rows = batch.layers[layer]
  const before = rows?.[ordinal]
  if (rows === undefined || before === undefined) return
  const isSame = before.hash === staged.hash && before.isDeletion === staged.isDeletion
  if (isSame) batch.unchangedCount += 1
  else batch.supersededCount += 1
  if (!isOlder(staged, before)) rows[ordinal] = staged
}

/** Without times the later row is the newer one: a source writes in its own order. */
const isOlder = (row: StagedRow, than: StagedRow): boolean =>
  row.sourceUpdatedAt !== null &&
  than.sourceUpdatedAt !== null &&
  row.sourceUpdatedAt < than.sourceUpdatedAt

/** Refused lines that a later good line of their key makes old. */
export interface Refusals {
  refused(rows: readonly RejectedRow[]): void
  landed(judged: Pick<Landed, 'key' | 'sourceUpdatedAt'>): void
}

/**
 * Where a source gives no times, a later line of its file is the newer one: once it lands, the refused
 * lines of its key before it are no newer versions any more, and mark nothing.
 */
export function supersededRefusals(): Refusals {
  const timeless = new Map<string, RejectedRow[]>()
  return {
    refused: (rows) => {
      for (const row of rows) {
        if (row.key === null || row.sourceUpdatedAt !== null) continue
        timeless.set(row.key, [...(timeless.get(row.key) ?? []), row])
      }
    },
    landed: ({ key, sourceUpdatedAt }) => {
      if (timeless.size === 0 || sourceUpdatedAt !== null) return
      for (const row of timeless.get(key) ?? []) row.standing = false
      timeless.delete(key)
    },
  }
}
