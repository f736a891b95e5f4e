import { decodeLimits } from '../../exchange/decode/limits.ts'
import type { CellBlock, Cells } from '../sql/dialect.ts'

/**
 * COPY's text format: a line a row, tabs between cells, `\N` for NULL, control characters and backslashes
 * escaped (PostgreSQL documentation, COPY, *Text Format*). Unlike CSV it tells NULL from empty text by
 * the cell alone, and no line break stands inside a row, so that rows are cut by plain searching.
 */
export class CopyText {
  private pieces: Buffer[] = []
  private heldBytes = 0
  /** The row in hand is longer than a row may be: its beginning is enough to say so. */
  private isSkipping = false

  /** Whole rows out of what has come so far, or null while there is no row end. */
  take(arrived: Buffer): CellBlock | null {
    const chunk = this.isSkipping ? this.skip(arrived) : arrived
    const end = chunk.lastIndexOf(lineFeed) + 1
    if (end === 0) return this.hold(chunk)
    this.isSkipping = false
    const whole = chunk.subarray(0, end - 1)
    const bytes = this.pieces.length === 0 ? whole : Buffer.concat([...this.pieces, whole])
    this.pieces = []
    this.heldBytes = 0
    if (end < chunk.length) this.hold(chunk.subarray(end))
    return { rows: bytes.toString('utf8').split('\n').map(cellsOf), byteCount: bytes.length + 1 }
  }

  get isBetweenRows(): boolean {
    return this.heldBytes === 0
  }

  /** What is left of an endless row is dropped up to its end. */
  private skip(chunk: Buffer): Buffer {
    const end = chunk.indexOf(lineFeed)
    return end === -1 ? chunk.subarray(chunk.length) : chunk.subarray(end)
  }

  private hold(piece: Buffer): null {
    this.pieces.push(piece)
    this.heldBytes += piece.length
    this.isSkipping = this.heldBytes > decodeLimits.rowBytesMax
    return null
  }
}

const lineFeed = 10

function cellsOf(line: string): Cells {
  const cells: Cells = line.split('\t')
  if (!line.includes('\\')) return cells
  for (const [at, cell] of cells.entries()) {
    if (cell?.includes('\\')) cells[at] = cell === '\\N' ? null : unescaped(cell)
  }
  return cells
}

const escapes: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

const unescaped = (cell: string): string =>
  cell.replaceAll(/\\(.)/gsu, (_, letter: string) => escapes[letter] ?? letter)
