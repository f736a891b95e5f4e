import type { FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { bytesOf, collect } from '../../connectors/file/stored-zip.ts'
import { workbookRows } from '../../connectors/file/workbook-rows.ts'
import { decodeRows } from '../../exchange/decode/decode-rows.ts'
import { disarm } from '../../exchange/decode/write-csv.ts'
import type { DecodedRow, SourceRow } from '../../exchange/types.ts'
import { rowMessage } from '../../../schemas/api/row-codes.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import { intakeLimits } from './limits.ts'
import { namedWithin, type RejectColumns } from './reject-columns.ts'
import type { CorrectedRow } from './replay-rejects.ts'
import { rowBody } from './row-body.ts'

export const workbookMediaType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'

/** Bytes of a file of corrected rows, as sent. */
export const correctedBytesMax = 64 * 1024 * 1024
const faultsMax = 50

/**
 * The rows of a file of rejects that an operator has corrected: CSV (UTF-8 or GB18030) or xlsx, as it was
 * downloaded, with the column that says which reject a row is. Rows without any cell of the source were
 * left alone, and are left out. Throws Refusal `request-invalid` with every fault, `payload-too-large`
 * beyond `replayRowsMax`.
 */
export async function correctedRows(
  request: FastifyRequest,
  { isCsvRun }: { isCsvRun: boolean },
): Promise<CorrectedRow[]> {
  const faults: RequestFault[] = []
  const rows: CorrectedRow[] = []
  const seen = new Set<number>()
  let names: RejectColumns | null = null
  let count = 0
  for await (const { columns, row } of fileOf(request)) {
    names ??= namedWithin(columns)
    if (names === null) throw noLineColumn()
    count += 1
    if (count > intakeLimits.replayRowsMax) throw tooMany()
    if (row.fault !== undefined) {
      faults.push({ pointer: `/${row.line}`, code: row.fault, message: rowMessage(row.fault) })
      continue
    }
    const source = sourceOf(row.row, names, isCsvRun)
    if (source === null) continue
    const line = Number(row.row[names.line])
    if (!Number.isSafeInteger(line) || line < 1) faults.push(lineFault(row.line, names.line))
    else if (seen.has(line)) faults.push(twice(row.line, line))
    else rows.push({ line, source })
    seen.add(line)
  }
  if (faults.length > 0) throw faulty(faults.slice(0, faultsMax))
  if (rows.length === 0) throw nothing()
  return rows
}

interface FileRow {
  columns: readonly string[]
  row: DecodedRow
}

async function* fileOf(request: FastifyRequest): AsyncGenerator<FileRow> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (type === workbookMediaType) {
    const workbook = workbookRows(bytesOf(await wholeBody(request.body)), { format: 'xlsx' })
    for await (const rows of workbook) {
      for (const row of rows) yield { columns: workbook.columns ?? [], row }
    }
    return
  }
  const { bytes, ...options } = rowBody(request, correctedBytesMax)
  const decoded = decodeRows(bytes, options)
  for await (const { rows } of decoded) {
    for (const row of rows) yield { columns: decoded.columns ?? [], row }
  }
}

/** A zip is read from its end, so the body is held; it is bounded. */
async function wholeBody(body: unknown): Promise<Buffer> {
  if (!(body instanceof Readable)) return Buffer.alloc(0)
  let byteCount = 0
  async function* bounded(bytes: Readable): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      if (!(chunk instanceof Uint8Array)) continue
      byteCount += chunk.length
      if (byteCount > correctedBytesMax) throw tooLarge()
      yield chunk
    }
  }
  return collect(bounded(body))
}

/**
 * The source's own cells. What the download made harmless for spreadsheets is undone. Rows that came as
 * JSON get back their lists and objects; an empty cell is no value there.
 */
function sourceOf(row: SourceRow, names: RejectColumns, isCsvRun: boolean): SourceRow | null {
  const cells = Object.entries(row)
    .filter(([column]) => column !== names.line && column !== names.error)
    .map(([column, cell]): [string, string] => [
      column,
      typeof cell === 'string' ? rearmed(cell) : '',
    ])
  if (cells.every(([, cell]) => cell === '')) return null
  if (isCsvRun) return Object.fromEntries(cells)
  const filled = cells.filter(([, cell]) => cell !== '')
  return Object.fromEntries(filled.map(([column, cell]) => [column, structured(cell)]))
}

const rearmed = (cell: string): string =>
  cell.startsWith("'") && disarm(cell.slice(1)) === cell ? cell.slice(1) : cell

function structured(cell: string): unknown {
  if (!/^[[{]/.test(cell)) return cell
  try {
    return JSON.parse(cell)
  } catch {
    return cell
  }
}

const lineFault = (line: number, column: string): RequestFault => ({
  pointer: `/${line}`,
  code: 'unknown-reject',
  message: `“${column}”列须保留原行号 / the column “${column}” must keep the number it had`,
})

const twice = (at: number, line: number): RequestFault => ({
  pointer: `/${at}`,
  code: 'unknown-reject',
  message: `行号 ${line} 重复 / the number ${line} is there twice`,
})

const faulty = (errors: readonly RequestFault[]): Refusal =>
  new Refusal(
    'request-invalid',
    '修正文件有误,见各处说明 / The file of corrected rows has faults',
    { errors },
  )

const noLineColumn = (): Refusal =>
  new Refusal(
    'request-invalid',
    '修正文件缺少 line 列,请在下载的问题数据文件上修改 / The file has no column `line`; correct the file of rejects as it was downloaded',
  )

const nothing = (): Refusal =>
  new Refusal('request-invalid', '修正文件没有数据行 / The file has no corrected rows')

const tooMany = (): Refusal =>
  new Refusal(
    'payload-too-large',
    `一次最多重放 ${intakeLimits.replayRowsMax} 行 / At most ${intakeLimits.replayRowsMax} rows can be replayed at once`,
  )

const tooLarge = (): Refusal =>
  new Refusal(
    'payload-too-large',
    `修正文件超过 ${correctedBytesMax} 字节 / The file is larger than ${correctedBytesMax} bytes`,
  )
