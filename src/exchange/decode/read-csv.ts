import { isAscii } from 'node:buffer'
import type { RowCode } from '../../../schemas/api/row-codes.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { DecodedRow } from '../types.ts'
import { detectCharset, strictDecoder, type Charset, type StrictDecoder } from './charset.ts'
import { headerRefusal, openCells, readHeader, type Cells } from './csv-cells.ts'
import type { Delimiter } from './cut-records.ts'
import { withoutReturn, type Piece, type RowReader } from './pieces.ts'
import { faultRow, rawText } from './raw-text.ts'

export interface CsvReaderOptions {
  columnsMax: number
  /** Asked once the header has been cut. */
  delimiter: () => Delimiter
  /** What the caller says; otherwise it is detected. */
  charset: Charset | undefined
}

export interface CsvReader extends RowReader {
  columns: () => string[] | null
}

/**
 * CSV records as objects of strings, one property a column; the first record is the header. Records are
 * cut before they are decoded: in UTF-8 every byte of a multi-byte character is above 0x7F, and in
 * GB18030 the second byte lies in 0x40–0x7E or 0x80–0xFE, the second and fourth of a four-byte character
 * in 0x30–0x39 (GB 18030-2022), so that none can be taken for a quote (0x22), comma (0x2C), semicolon
 * (0x3B), tab, CR or LF. Letters, backslash and `|` are among them: none of these may steer the cutting.
 */
export function csvReader(options: CsvReaderOptions): CsvReader {
  let charset = options.charset
  let cells: Cells | null = null

  const openWith = (decode: StrictDecoder, bytes: Buffer, header: Piece): Cells => {
    const text = decode(bytes, header.start, withoutReturn(bytes, header))
    if (header.fault !== undefined || text === undefined) {
      throw headerFault(header.fault ?? 'encoding')
    }
    const delimiter = options.delimiter()
    return openCells(readHeader(text, { ...options, delimiter }), delimiter)
  }

  return {
    columns: () => cells?.columns ?? null,
    oversized(bytes, line) {
      if (!cells) throw headerFault('row-too-large')
      return faultRow(line, 'row-too-large', rawText(bytes, charset ?? 'utf-8'))
    },
    finish() {
      if (!cells) throw new Refusal('request-invalid', noHeader)
    },
    read(bytes, pieces) {
      charset ??= charsetOf(bytes, pieces, cells === null)
      const decode = strictDecoder(charset ?? 'utf-8', bytes)
      const [header] = pieces
      const isFirst = !cells && header !== undefined
      if (isFirst) cells = openWith(decode, bytes, header)
      if (!cells) return []
      const context = { cells, decode, charset: charset ?? 'utf-8' }
      return readRecords(bytes, isFirst ? pieces.slice(1) : pieces, context)
    },
  }
}

/** A header that is not plain ASCII decides alone; otherwise the block's records vote. */
function charsetOf(
  bytes: Buffer,
  pieces: readonly Piece[],
  hasHeader: boolean,
): Charset | undefined {
  if (isAscii(bytes)) return undefined
  const records = pieces.map(({ start, end }) => bytes.subarray(start, end))
  return (hasHeader ? detectCharset(records.slice(0, 1)) : undefined) ?? detectCharset(records)
}

interface RecordContext {
  cells: Cells
  decode: StrictDecoder
  charset: Charset
}

/** Good records become objects together, then stand in line with the faulty ones. */
function readRecords(
  bytes: Buffer,
  pieces: readonly Piece[],
  context: RecordContext,
): DecodedRow[] {
  const good: string[][] = []
  const faults = pieces.map((piece): DecodedRow | undefined => {
    const cells = readCells(bytes, piece, context)
    if (typeof cells === 'string') return faultRecord(bytes, piece, cells, context.charset)
    good.push(cells)
    return undefined
  })
  const rows = context.cells.toRows(good)
  let taken = 0
  return pieces.map(({ line }, at) => faults[at] ?? { line, row: rows[taken++] ?? {} })
}

function readCells(bytes: Buffer, piece: Piece, context: RecordContext): string[] | RowCode {
  const text = context.decode(bytes, piece.start, withoutReturn(bytes, piece))
  if (piece.fault !== undefined || text === undefined) return piece.fault ?? 'encoding'
  return context.cells.split(text, piece.quotingLength ?? 0) ?? 'not-csv'
}

const faultRecord = (bytes: Buffer, piece: Piece, fault: RowCode, charset: Charset): DecodedRow =>
  faultRow(
    piece.line,
    fault,
    rawText(bytes.subarray(piece.start, withoutReturn(bytes, piece)), charset),
  )

const noHeader =
  'CSV 没有表头,首行应为列名 / The CSV has no header; its first line must name the columns'

function headerFault(fault: RowCode): Error {
  if (fault === 'encoding') {
    return headerRefusal('既非 UTF-8 也非 GB18030 编码', 'is neither valid UTF-8 nor GB18030')
  }
  if (fault === 'row-too-large') {
    return headerRefusal('过长,请检查换行符', 'is longer than a row may be; check the line breaks')
  }
  return headerRefusal('引号不配对', 'has quotes that do not pair')
}
