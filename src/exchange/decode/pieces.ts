import type { RowCode } from '../../../schemas/api/row-codes.ts'
import type { DecodedRow } from '../types.ts'

/** Where one row lies in the bytes at hand; `end` is its terminator, `next` the first byte behind that. */
export interface Piece {
  start: number
  end: number
  next: number
  /** Lines (elements of an array: 1) that the piece covers, for the numbers of those behind it. */
  lineCount: number
  /** Number of its first line (element), given when the piece takes its place in the body. */
  line: number
  /** False for what carries no row: blank lines, brackets and commas between elements. */
  isRow: boolean
  fault?: RowCode
  /** CSV: characters of the record that quoting added, two for each quoted cell and one for each doubled quote. */
  quotingLength?: number
}

/**
 * Finds row ends. The text has one character for each byte (Latin-1), since searching strings is several
 * times faster than searching buffers, and an index is then a byte offset. What a cutter answers depends
 * on the bytes alone, never on how they were chunked.
 */
export interface Cutter {
  /** The piece that begins at `from`, or null when its end is not at hand yet. */
  cut: (text: string, from: number, isLast: boolean) => Piece | null
  /** Leaves a row that is too large: the index of its terminator's far side, or -1 when it goes on. */
  skip: (text: string, isFirst: boolean) => number
  /** Called at the end of the body; throws Refusal when it may not end here. */
  finish: () => void
}

/** Turns the pieces of one block into rows. */
export interface RowReader {
  read: (bytes: Buffer, pieces: readonly Piece[]) => DecodedRow[]
  /** A row that was skipped; `bytes` are its first ones. */
  oversized: (bytes: Buffer, line: number) => DecodedRow
  /** Called at the end of the body; throws Refusal when something is missing. */
  finish: () => void
}

export const lineFeed = 10
export const carriageReturn = 13

/** A line's or record's end without the CR of a CRLF. */
export const withoutReturn = (bytes: Buffer, { start, end }: Piece): number =>
  end > start && bytes[end - 1] === carriageReturn ? end - 1 : end
