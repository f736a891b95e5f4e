import type { CellValue } from 'hucre/xlsx'
import type { DecodedRow, SourceRow } from '../../exchange/types.ts'
import { Refusal } from '../../shared/refusal.ts'
import { collect, reorderedZip, type StoredBytes } from './stored-zip.ts'
import { readCell } from './workbook-cells.ts'
import { workbookLimits } from './workbook-limits.ts'

export interface WorkbookOptions {
  format: 'xlsx' | 'xls'
  /** The sheet's name; absent: the first. */
  sheet?: string | undefined
}

export interface WorkbookRows extends AsyncIterable<DecodedRow[]> {
  /** The header's names, from the first block on. */
  readonly columns: readonly string[] | null
}

/**
 * The rows of one sheet, in blocks of at most `blockRowsMax`; `line` is the row's number as the workbook
 * shows it. The first row that is not empty is the header; empty rows are left out. An xlsx is streamed.
 * Throws Refusal `request-invalid` for a header that cannot name the columns, a sheet that is not there
 * and a damaged or encrypted file; `payload-too-large` beyond `workbookLimits`. Errors of `source` pass.
 */
export function workbookRows(source: StoredBytes, options: WorkbookOptions): WorkbookRows {
  let header: Header | null = null
  async function* blocks(): AsyncGenerator<DecodedRow[]> {
    let rows: DecodedRow[] = []
    for await (const { index, values } of sheetRows(source, options)) {
      if (values.every((value) => isEmpty(value))) continue
      if (header === null) {
        header = readHeader(values, index + 1)
        continue
      }
      rows.push(readRow(header, index + 1, values))
      if (rows.length < workbookLimits.blockRowsMax) continue
      yield rows
      rows = []
    }
    if (header === null)
      throw refused('工作表为空,没有表头', 'The sheet is empty: it has no header')
    if (rows.length > 0) yield rows
  }
  const iterator = blocks()
  return {
    get columns() {
      return header?.columns ?? null
    },
    [Symbol.asyncIterator]: () => iterator,
  }
}

interface SheetRow {
  index: number
  values: readonly (CellValue | undefined)[]
}

async function* sheetRows(
  source: StoredBytes,
  { format, sheet }: WorkbookOptions,
): AsyncGenerator<SheetRow> {
  const bytesMax =
    format === 'xls' ? workbookLimits.legacyBytesMax : workbookLimits.workbookBytesMax
  if (source.size > bytesMax) throw tooLarge(bytesMax)
  try {
    if (format === 'xls') yield* legacyRows(source, sheet)
    else yield* streamedRows(source, sheet)
  } catch (error) {
    throw isReadersOwn(error) ? damaged(error) : error
  }
}

/** Errors of the workbook reader, by their names; what the store says passes unchanged. */
const isReadersOwn = (error: unknown): boolean =>
  error instanceof Error &&
  /^(?:HucreError|DefterError|ParseError|ZipError|XmlError|EncryptedFileError|UnsupportedFormatError|RangeError)$/.test(
    error.name,
  )

async function* legacyRows(
  source: StoredBytes,
  sheet: string | undefined,
): AsyncGenerator<SheetRow> {
  const { readXls } = await import('hucre/xlsx')
  const { sheets } = await readXls(await collect(source.stream(0, source.size)))
  const found = sheet === undefined ? sheets[0] : sheets.find(({ name }) => name === sheet)
  if (found === undefined) throw noSheet(sheet)
  for (const [index, values] of found.rows.entries()) yield { index, values: values ?? [] }
}

/**
 * The reader parses ahead of whoever takes the rows. So it is given bytes only while a row is really
 * waited for: what it holds is the rows of one chunk, not of the sheet.
 */
async function* streamedRows(
  source: StoredBytes,
  sheet: string | undefined,
): AsyncGenerator<SheetRow> {
  const { streamXlsxRows } = await import('hucre/xlsx')
  const gate = new Gate()
  const bytes = reorderedZip(source)
  const failure: { error?: unknown } = {}
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await gate.wanted()
        try {
          const { done, value } = await bytes.next()
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          failure.error = error
          controller.error(error)
        }
      },
      async cancel() {
        gate.open()
        await bytes.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
  const rows = streamXlsxRows(stream, {
    ...(sheet !== undefined && { sheet }),
    maxInputBytes: workbookLimits.workbookBytesMax,
  })
  try {
    let rowCount = 0
    for (;;) {
      const { done, value } = await gate.during(rows.next())
      if (done) break
      rowCount += 1
      yield value
    }
    if (rowCount === 0 && sheet !== undefined) throw noSheet(sheet)
  } catch (error) {
    // The reader may wrap what the store said; the first word counts.
    throw failure.error ?? error
  } finally {
    gate.open()
    await rows.return(undefined)
  }
}

/** Opens while a promise is still pending after all that was at hand has been worked through. */
class Gate {
  private isOpen = false
  private waiting: (() => void)[] = []

  wanted(): Promise<void> {
    if (this.isOpen) return Promise.resolve()
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  open(): void {
    this.isOpen = true
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  async during<T>(pending: Promise<T>): Promise<T> {
    const timer = setImmediate(() => this.open())
    try {
      return await pending
    } finally {
      clearImmediate(timer)
      this.isOpen = false
    }
  }
}

interface Header {
  columns: string[]
  /** The index of each column in the sheet. */
  places: number[]
}

function readHeader(values: SheetRow['values'], line: number): Header {
  const names = values.map((value) => (isEmpty(value) ? '' : cellText(value).trim()))
  const first = names.findIndex((name) => name !== '')
  const last = names.findLastIndex((name) => name !== '')
  const places = Array.from({ length: last - first + 1 }, (_, at) => first + at)
  const columns = places.map((place) => names[place] ?? '')
  if (columns.length > workbookLimits.columnsMax) {
    throw refused(
      `表头有 ${columns.length} 列,上限 ${workbookLimits.columnsMax}`,
      `The header has ${columns.length} columns, more than ${workbookLimits.columnsMax}`,
    )
  }
  const nameless = columns.indexOf('')
  if (nameless >= 0) throw namelessColumn(first + nameless, line)
  const repeated = columns.find((name, at) => columns.indexOf(name) !== at)
  if (repeated !== undefined) {
    throw refused(`列名“${repeated}”重复`, `The column “${repeated}” is there twice`)
  }
  return { columns, places }
}

function readRow(
  { columns, places }: Header,
  line: number,
  values: SheetRow['values'],
): DecodedRow {
  const [first = 0] = places
  const stray = values.findIndex(
    (value, at) => (at < first || at >= first + places.length) && !isEmpty(value),
  )
  if (stray >= 0) throw namelessColumn(stray, line)
  const row: SourceRow = {}
  let fault: DecodedRow['fault']
  for (const [at, column] of columns.entries()) {
    const cell = readCell(values[first + at])
    if ('fault' in cell) fault ??= cell.fault
    Object.defineProperty(row, column, {
      value: cell.text,
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  return fault === undefined ? { line, row } : { line, fault, raw: JSON.stringify(row) }
}

const cellText = (value: CellValue | undefined): string => readCell(value).text ?? ''

const isEmpty = (value: CellValue | undefined): boolean =>
  value === null || value === undefined || (typeof value === 'string' && value.trim() === '')

/** `A`, `B`, … `AA`: columns as the workbook shows them. */
export function columnLetters(index: number): string {
  const rest = Math.floor(index / 26)
  return (rest > 0 ? columnLetters(rest - 1) : '') + String.fromCharCode(65 + (index % 26))
}

const refused = (chinese: string, english: string): Refusal =>
  new Refusal('request-invalid', `${chinese} / ${english}`)

/** The cells that a merged header swallows are empty: their columns have data and no name. */
const namelessColumn = (index: number, line: number): Refusal =>
  refused(
    `${columnLetters(index)} 列(第 ${line} 行)没有列名;首个非空行须是表头,且不得有合并单元格`,
    `Column ${columnLetters(index)} (row ${line}) has no name; the first row that is not empty must be the header, without merged cells`,
  )

const noSheet = (sheet: string | undefined): Refusal =>
  refused(
    `没有名为“${sheet ?? ''}”的工作表,或其为空`,
    `There is no sheet “${sheet ?? ''}”, or it is empty`,
  )

const tooLarge = (bytesMax: number): Refusal =>
  new Refusal(
    'payload-too-large',
    `工作簿超过 ${bytesMax} 字节,请改用 CSV 或拆分 / The workbook is larger than ${bytesMax} bytes; use CSV, or split it`,
  )

const damaged = (cause: unknown): Refusal =>
  new Refusal(
    'request-invalid',
    '工作簿无法读取:可能已损坏或加密,请重新另存 / The workbook cannot be read: it may be damaged or encrypted; save it again',
    { cause },
  )
