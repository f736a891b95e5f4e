import { Refusal } from '../../shared/refusal.ts'
import type { FileRow, RowWriter, RowWriterOptions } from './write-contract.ts'

/** Excel's own limits: rows of one sheet, and the text of one cell. */
const sheetRowsMax = 1_048_576
const cellCharactersMax = 32_767

/** Beyond 15 digits Excel rounds a number. */
const exactIntegerMax = 999_999_999_999_999

type XlsxCell = string | number | boolean | null

/**
 * A workbook of one sheet, streamed: the header, then the rows. Text stays text, so that identity
 * numbers and leading zeros survive and nothing is run as a formula; so do decimals, dates and numbers of
 * more than 15 digits. Refuses (`state-conflict`) rows beyond the sheet and texts beyond a cell.
 */
export function openXlsxRows({ columns, sheet, append }: RowWriterOptions): RowWriter {
  const { readable, writable } = new TransformStream<XlsxCell[][], XlsxCell[][]>()
  const writer = writable.getWriter()
  const pump = sendAll(workbookBytes(rowsOf(readable), columns, sheet), append)
  // Its failure is told by the next write, or by the end; until then nobody waits for it.
  pump.catch(() => undefined)
  let rowCount = 1
  return {
    write: async (rows) => {
      rowCount += rows.length
      if (rowCount > sheetRowsMax) throw tooManyRows()
      const cells = rows.map((row) => row.map(cellOf))
      await Promise.race([writer.write(cells), pump])
    },
    end: async () => {
      await Promise.race([writer.close(), pump])
      await pump
    },
  }
}

async function* rowsOf(blocks: AsyncIterable<XlsxCell[][]>): AsyncGenerator<XlsxCell[]> {
  for await (const rows of blocks) yield* rows
}

async function workbookBytes(
  rows: AsyncIterable<XlsxCell[]>,
  columns: readonly string[],
  sheet = 'Sheet1',
): Promise<ReadableStream<Uint8Array>> {
  const { writeXlsxStream } = await import('hucre/xlsx')
  return writeXlsxStream(rows, {
    name: sheet.replaceAll(/[\\/?*[\]:]/g, '_').slice(0, 31),
    columns: columns.map((header) => ({ header })),
    freezePane: { rows: 1 },
    zip64: true,
  })
}

async function sendAll(
  bytes: Promise<ReadableStream<Uint8Array>>,
  append: RowWriterOptions['append'],
): Promise<void> {
  for await (const piece of await bytes) await append(piece)
}

function cellOf(value: FileRow[number]): XlsxCell {
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean') return value
  if (typeof value === 'number' && Math.abs(value) <= exactIntegerMax) return value
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  if (text.length > cellCharactersMax) throw tooLongText()
  return exactText(text)
}

/**
 * Excel reads `_x0041_` in a text as the character of that number (ECMA-376, ST_Xstring), so the
 * underscore is given by its own number; lines within a cell end with LF.
 */
const exactText = (text: string): string =>
  text.replaceAll(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_').replaceAll(/\r\n?/g, '\n')

const tooManyRows = (): Refusal =>
  new Refusal(
    'state-conflict',
    `超过 Excel 单表 ${sheetRowsMax} 行上限,请改用 csv 或 ndjson / More rows than an Excel sheet holds; use csv or ndjson`,
  )

const tooLongText = (): Refusal =>
  new Refusal(
    'state-conflict',
    `有内容超过 Excel 单元格 ${cellCharactersMax} 字符上限,请改用 csv 或 ndjson / A text is longer than an Excel cell holds; use csv or ndjson`,
  )
