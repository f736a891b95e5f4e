import type { Position, ReadBounds, Source, SourceBlock } from '../../../src/connectors/contract.ts'

export const everything: ReadBounds = {
  cursor: null,
  after: null,
  upTo: null,
  overlap: 0,
  range: null,
}

export const byCursor = (
  cursor: readonly string[],
  more: Partial<ReadBounds> = {},
): ReadBounds => ({
  ...everything,
  cursor,
  ...more,
})

export interface Taken {
  rows: Record<string, unknown>[]
  /** The last position that lay ahead of the beginning. */
  position: Position | null
  blocks: SourceBlock[]
}

/** Reads to the end, or only so many rows, as a run does that stops behind a batch. */
export async function take(source: Source, bounds: ReadBounds, rowsMax = Infinity): Promise<Taken> {
  const taken: Taken = { rows: [], position: bounds.after, blocks: [] }
  if (rowsMax <= 0) return taken
  for await (const block of source.read(bounds)) {
    const count = Math.min(block.rows.length, rowsMax - taken.rows.length)
    for (const decoded of block.rows.slice(0, count)) {
      if (!decoded.row) throw new Error(`A row could not be read: ${decoded.fault}`)
      taken.rows.push(decoded.row)
    }
    taken.blocks.push(block)
    taken.position = throughJson(block.positionAfter(count)) ?? taken.position
    if (taken.rows.length >= rowsMax) break
  }
  return taken
}

/** Positions lie in a database between two reads. */
const throughJson = (position: Position | null): Position | null =>
  position === null ? null : (JSON.parse(JSON.stringify(position)) as Position)

export const ids = (rows: readonly Record<string, unknown>[]): number[] =>
  rows.map((row) => Number(row['id']))
