import { stringify } from 'csv-stringify/sync'
import type { SourceRow } from '../types.ts'

/** Rows that are turned to text together: large enough to be fast, small enough to keep memory flat. */
const rowsPerChunk = 500

const byteOrderMark = '\uFEFF'

/** What spreadsheets take for a formula, by its first character (OWASP, “CSV Injection”). */
const formulaStart = /^[=+\-@\t\r]/
const plainNumber = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

export interface CsvOptions {
  /** A byte order mark, without which Excel reads Chinese as GBK. Default true. */
  hasBom?: boolean
}

/**
 * CSV text (RFC 4180, CRLF) in pieces: a header of `columns`, then the rows' cells in that order. Cells
 * that a spreadsheet would run are made text by a leading apostrophe; null and undefined are empty,
 * objects and arrays JSON.
 */
export async function* csvLines(
  columns: readonly string[],
  rows: Iterable<SourceRow> | AsyncIterable<SourceRow>,
  { hasBom = true }: CsvOptions = {},
): AsyncGenerator<string, void, undefined> {
  yield (hasBom ? byteOrderMark : '') + textOf([columns.map(disarm)])
  let records: string[][] = []
  for await (const row of rows) {
    records.push(columns.map((column) => disarm(cellText(row, column))))
    if (records.length < rowsPerChunk) continue
    yield textOf(records)
    records = []
  }
  if (records.length > 0) yield textOf(records)
}

/** A bare CR or LF is quoted too: csv-stringify looks for the record delimiter only. */
const textOf = (records: string[][]): string =>
  stringify(records, { record_delimiter: 'windows', quoted_match: /[\r\n]/ })

function cellText(row: SourceRow, column: string): string {
  const value = Object.hasOwn(row, column) ? row[column] : undefined
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** A negative amount stays a number; anything else that begins like a formula gets the apostrophe. */
export const disarm = (cell: string): string =>
  formulaStart.test(cell) && !plainNumber.test(cell) ? `'${cell}` : cell
