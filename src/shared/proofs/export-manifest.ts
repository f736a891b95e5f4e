import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Check } from 'typebox/value'
import { monthPattern } from './entries.ts'
import type { Range } from './tile-paths.ts'

/*
 * An export of one month of the log, a folder that anyone can check without the hub:
 *
 *   manifest.json          which month and which positions, in which tree
 *   checkpoint             the signed checkpoint that all is proved against (C2SP tlog-checkpoint)
 *   checkpoints/<size>     the last one before the month's first entry and the first one over its last entry:
 *                          neighbouring months meet in them
 *   keys.json              verifier keys, oldest first, each with the checkpoint that handed over to it
 *   tile/entries/…         bundles of entries (C2SP tlog-tiles): every one that holds an entry of the month
 *   tile/<L>/…             the tiles from those bundles, and from the checkpoints, up to the root
 *   facts.jsonl            on demand: what each entry says {position, id, facts, salts}: personal data; with the
 *                          digests of what was redacted of it, by name
 *
 * At a month's edges entries of its neighbours stand among its own; bundles are exported whole, and `ranges`
 * says to the entry which positions are the month's. Entries hold commitments only.
 */
export const exportFormat = 'shuqiao-audit-export/1'
export const manifestName = 'manifest.json'
export const checkpointName = 'checkpoint'
export const keysName = 'keys.json'
export const factsName = 'facts.jsonl'
export const checkpointPath = (size: number): string => `checkpoints/${size}`

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

export const ExportManifest = Type.Object({
  format: Type.Literal(exportFormat),
  month: Type.String({ pattern: monthPattern.source }),
  origin: Type.String({ minLength: 1 }),
  size: Count,
  /** base64, as in the checkpoint. */
  root: Type.String(),
  entryCount: Count,
  /** Positions of the month's entries: from (included) to (excluded), in order. */
  ranges: Type.Array(Type.Tuple([Count, Count])),
  /** Sizes of the checkpoints in `checkpoints/`. */
  checkpointSizes: Type.Array(Count),
  hasFacts: Type.Boolean(),
  /** SHA-256 (hex) of the files that the tree does not prove, by path. */
  digests: Type.Record(Type.String(), Type.String()),
  exportedAt: Type.String(),
})
export type ExportManifest = Static<typeof ExportManifest>

const KnownKeys = Type.Array(
  Type.Object({
    verifierKey: Type.String(),
    handover: Type.Union([Type.String(), Type.Null()]),
  }),
)
export type KnownKeys = Static<typeof KnownKeys>

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}

/** Null where the text is no manifest, or its ranges are none. */
export function parseManifest(text: string): ExportManifest | null {
  const value = parseJson(text)
  if (!Check(ExportManifest, value)) return null
  return areRanges(value.ranges, value.size) ? value : null
}

export function parseKeys(text: string): KnownKeys | null {
  const value = parseJson(text)
  return Check(KnownKeys, value) ? value : null
}

const areRanges = (ranges: readonly Range[], size: number): boolean =>
  ranges.every(
    ([from, to], index) => from >= (ranges[index - 1]?.[1] ?? 0) && to > from && to <= size,
  )

export const countOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, [from, to]) => sum + to - from, 0)
