import type { DecodedBlock } from '../types.ts'
import { ByteWindow } from './byte-window.ts'
import { bomLength, refuseUtf16 } from './charset.ts'
import { portionBytesMax, rawBytesMax, scanBytesMin, type DecodeLimits } from './limits.ts'
import type { Cutter, Piece, RowReader } from './pieces.ts'

export interface CutOptions {
  cutter: Cutter
  reader: RowReader
  limits: DecodeLimits
  onBytes: ((chunk: Uint8Array) => void) | undefined
}

/**
 * Cuts a stream of bytes into blocks of rows:
 *
 *   fill ──enough new bytes──▶ cut ──piece──▶ collect ──block full──▶ hand over ─┐
 *     ▲                         │ ▲                                              │
 *     └──────no row end at hand─┘ └──────────────────────────────────────────────┘
 *                               └─row too large─▶ hand over, skip to its end, its fault alone ─▶ cut
 */
export async function* cutBlocks(
  body: AsyncIterable<Uint8Array>,
  options: CutOptions,
): AsyncGenerator<DecodedBlock, void, undefined> {
  const cutting = new Cutting(options)
  for await (const chunk of body) {
    for (const portion of portions(chunk)) {
      cutting.append(portion)
      if (cutting.isWorthCutting) yield* cutting.blocks(false)
    }
  }
  yield* cutting.blocks(true)
}

/** A source may hand over a whole file as one chunk: the window must not grow with it. */
function* portions(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < chunk.length; at += portionBytesMax) {
    yield chunk.subarray(at, at + portionBytesMax)
  }
}

/** A line of blanks can be too large too; white space between array elements, which counts no line, cannot. */
const isLarger = ({ start, end, lineCount }: Piece, rowBytesMax: number): boolean =>
  lineCount > 0 && end - start > rowBytesMax

class Cutting {
  private readonly options: CutOptions
  private readonly window: ByteWindow
  /** Pieces of the block in the making; their offsets count from the window's first byte. */
  private pieces: Piece[] = []
  /** Window offset up to which the bytes have been cut. */
  private cutTo = 0
  private line = 1
  private freshBytes = 0
  private hasBegun = false
  /** First bytes of the oversized row that is being left. */
  private skippedHead: Buffer | null = null

  constructor(options: CutOptions) {
    this.options = options
    this.window = new ByteWindow(options.onBytes)
  }

  append(chunk: Uint8Array): void {
    this.window.append(chunk)
    this.freshBytes += chunk.length
  }

  /** An unfinished row is looked at again only when it has doubled: rescans stay linear however small the chunks. */
  get isWorthCutting(): boolean {
    const unfinishedBytes = this.window.length - this.cutTo - this.freshBytes
    return this.freshBytes >= Math.max(scanBytesMin, unfinishedBytes)
  }

  /** Every block that the bytes at hand complete. A broken array throws behind the rows before it. */
  *blocks(isLast: boolean): Generator<DecodedBlock, void, undefined> {
    this.freshBytes = 0
    this.begin()
    try {
      yield* this.cutAll(isLast)
      if (isLast) this.options.cutter.finish()
    } catch (error) {
      yield* this.handOver()
      throw error
    }
    if (!isLast) return
    yield* this.handOver()
    this.dropTo(this.window.length)
    this.options.reader.finish()
  }

  private begin(): void {
    if (this.hasBegun) return
    this.hasBegun = true
    const head = this.window.view(0, Math.min(4, this.window.length))
    refuseUtf16(head)
    this.cutTo = bomLength(head)
  }

  private *cutAll(isLast: boolean): Generator<DecodedBlock, void, undefined> {
    for (;;) {
      if (this.skippedHead) {
        const isBehind = this.skip(false)
        if (!isBehind && !isLast) return
        yield* this.handOverSkipped()
      }
      yield* this.cutPieces(isLast)
      if (this.pieces.length === 0) this.dropTo(this.cutTo)
      // Two bytes of grace: a row of just the allowed size may have its CR LF at hand, half of it.
      const unfinishedBytes = this.window.length - this.cutTo
      if (unfinishedBytes <= this.options.limits.rowBytesMax + 2) return
      yield* this.leave(this.cutTo)
      if (this.skip(true)) yield* this.handOverSkipped()
    }
  }

  private *cutPieces(isLast: boolean): Generator<DecodedBlock, void, undefined> {
    const { cutter, limits } = this.options
    const text = this.window.view(this.cutTo).toString('latin1')
    const origin = this.window.offset + this.cutTo
    let piece = cutter.cut(text, 0, isLast)
    while (piece) {
      const { next } = piece
      this.place(piece, origin - this.window.offset)
      if (isLarger(piece, limits.rowBytesMax)) yield* this.leaveWhole(piece)
      else if (piece.isRow) this.pieces.push(piece)
      if (this.isFull(this.cutTo)) yield* this.handOver()
      piece = cutter.cut(text, next, isLast)
    }
  }

  /** Counts a piece from the window's first byte, and its line from the body's. */
  private place(piece: Piece, shift: number): void {
    piece.start += shift
    piece.end += shift
    piece.next += shift
    piece.line = this.line
    this.cutTo = piece.next
    if (!isLarger(piece, this.options.limits.rowBytesMax)) this.line += piece.lineCount
  }

  private isFull(end: number): boolean {
    const [first] = this.pieces
    const { blockRowsMax, blockBytesMax } = this.options.limits
    if (!first) return false
    return this.pieces.length >= blockRowsMax || end - first.start >= blockBytesMax
  }

  /** The rows collected so far, as a block; `onBytes` has then seen the bytes before its end and no more. */
  private *handOver(): Generator<DecodedBlock, void, undefined> {
    const { pieces } = this
    const end = pieces.at(-1)?.next
    if (end === undefined) return
    this.pieces = []
    const rows = this.options.reader.read(this.window.view(0, end), pieces)
    this.dropTo(end)
    if (rows.length > 0) yield { rows, endByte: this.window.offset }
  }

  /** Closes the block before an oversized row and keeps the row's first bytes. */
  private *leave(start: number): Generator<DecodedBlock, void, undefined> {
    const offset = this.window.offset + start
    yield* this.handOver()
    this.dropTo(offset - this.window.offset)
    const headBytes = Math.min(rawBytesMax, this.options.limits.rowBytesMax)
    this.skippedHead = Buffer.from(this.window.view(0, headBytes))
  }

  /** An oversized row whose end is at hand already. */
  private *leaveWhole({ start, next }: Piece): Generator<DecodedBlock, void, undefined> {
    yield* this.leave(start)
    this.dropTo(next - start)
    yield* this.handOverSkipped()
  }

  /** Drops what belongs to the oversized row; true when its end was found. */
  private skip(isFirst: boolean): boolean {
    const end = this.options.cutter.skip(this.window.view().toString('latin1'), isFirst)
    this.dropTo(end === -1 ? this.window.length : end)
    return end !== -1
  }

  private *handOverSkipped(): Generator<DecodedBlock, void, undefined> {
    const head = this.skippedHead ?? Buffer.alloc(0)
    this.skippedHead = null
    const row = this.options.reader.oversized(head, this.line++)
    yield { rows: [row], endByte: this.window.offset }
  }

  private dropTo(end: number): void {
    this.window.drop(end)
    this.cutTo = Math.max(0, this.cutTo - end)
  }
}
