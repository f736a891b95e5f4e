import { stringify } from 'csv-stringify/sync'
import type { FileSettings } from '../../../schemas/api/connectors.ts'
import { disarm } from '../../exchange/decode/write-csv.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { FileRow, RowWriter, RowWriterOptions } from './write-contract.ts'
import { openXlsxRows } from './write-xlsx.ts'

export const targetFormats = ['csv', 'ndjson', 'xlsx'] as const
export type TargetFormat = (typeof targetFormats)[number]

export const isTargetFormat = (format: FileSettings['format']): format is TargetFormat =>
  targetFormats.some((known) => known === format)

const openers: Record<TargetFormat, (options: RowWriterOptions) => RowWriter> = {
  csv: openCsvRows,
  ndjson: openNdjsonRows,
  xlsx: openXlsxRows,
}

export const openRowWriter = (format: TargetFormat, options: RowWriterOptions): RowWriter =>
  openers[format](options)

const rowsPerPiece = 1_000

/**
 * RFC 4180 with CRLF, UTF-8 without a byte order mark: header, then rows. NULL and empty text are both an
 * empty cell, lists and objects JSON. A cell that a spreadsheet would run as a formula (it begins with
 * `=`, `+`, `-`, `@`, tab or CR, and is no plain number) gets an apostrophe in front; who needs every
 * byte as it is takes NDJSON.
 */
function openCsvRows({ columns, append }: RowWriterOptions): RowWriter {
  const header = headerOnce(() => append(csvBytes([columns])))
  return {
    write: async (rows) => {
      await header()
      for (let start = 0; start < rows.length; start += rowsPerPiece)
        await append(csvBytes(rows.slice(start, start + rowsPerPiece)))
    },
    end: header,
  }
}

const headerOnce = (write: () => Promise<void>): (() => Promise<void>) => {
  let isWritten = false
  return async () => {
    if (isWritten) return
    isWritten = true
    await write()
  }
}

/** A bare CR or LF is quoted too: csv-stringify looks for the record delimiter only. */
const csvBytes = (rows: readonly FileRow[]): Uint8Array =>
  Buffer.from(
    stringify(
      rows.map((row) => row.map((value) => disarm(textOf(value)))),
      { record_delimiter: 'windows', quoted_match: /[\r\n]/ },
    ),
  )

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** One JSON object a line, every column in each, as exact as it came. */
function openNdjsonRows({ columns, append }: RowWriterOptions): RowWriter {
  const line = (row: FileRow): string =>
    JSON.stringify(Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null])))
  return {
    write: async (rows) => {
      for (let start = 0; start < rows.length; start += rowsPerPiece) {
        const lines = rows.slice(start, start + rowsPerPiece).map(line)
        await append(Buffer.from(`${lines.join('\n')}\n`))
      }
    },
    end: async () => undefined,
  }
}

/** Refuses (`request-invalid`) settings that no target file can be written by. */
export function refuseSettings(settings: FileSettings): TargetFormat {
  const { format, encoding, path } = settings
  if (path === undefined)
    throw refused('/settings/path', 'required', '须指定 path(文件或目录) / “path” is required')
  if (!isTargetFormat(format)) {
    const words = `交付文件只支持 ${targetFormats.join('、')} / Files are delivered as ${targetFormats.join(', ')}`
    throw refused('/settings/format', 'enum', words)
  }
  if (encoding === 'gb18030')
    throw refused('/settings/encoding', 'enum', '交付文件只用 UTF-8 / Files are delivered in UTF-8')
  return format
}

export const refused = (pointer: string, code: string, message: string): Refusal =>
  new Refusal('request-invalid', message, { errors: [{ pointer, code, message }] })
