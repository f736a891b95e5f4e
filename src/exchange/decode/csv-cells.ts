import { initParser, type Schema } from 'udsv'
import { Refusal } from '../../shared/refusal.ts'
import type { SourceRow } from '../types.ts'
import type { Delimiter } from './cut-records.ts'

/** What is known once the header has been read. */
export interface Cells {
  columns: string[]
  /** The record's cells, or undefined when they are not as many as the columns, or quoted wrongly. */
  split: (record: string, quotingLength: number) => string[] | undefined
  /** Cells as objects. A column named `__proto__` is dropped, since udsv writes it as a literal's prototype. */
  toRows: (records: string[][]) => SourceRow[]
}

export function openCells(columns: string[], delimiter: Delimiter): Cells {
  const parser = initParser(schemaOf(columns, delimiter))
  const count = columns.length
  const split = (record: string, quotingLength: number): string[] | undefined => {
    // Without quotes the grammar of RFC 4180 is cells between delimiters, and udsv does not count them.
    if (quotingLength === 0) {
      const cells = record.split(delimiter)
      return cells.length === count ? cells : undefined
    }
    const cells: string[] | undefined = parser.stringArrs(record)[0]
    const isFaithful = cells !== undefined && cells.length === count
    return isFaithful && keepsAll(record, cells, { quotingLength, delimiter }) ? cells : undefined
  }
  return { columns, split, toRows: (records) => parser.stringObjs(records) }
}

/**
 * udsv is built for well-formed files: of a record that is not, it drops text without a word. Cells,
 * delimiters and quoting must add up to the record, and a last cell that holds a delimiter be quoted.
 */
function keepsAll(
  record: string,
  cells: readonly string[],
  { quotingLength, delimiter }: { quotingLength: number; delimiter: string },
): boolean {
  let length = cells.length - 1 + quotingLength
  for (const cell of cells) length += cell.length
  if (length !== record.length) return false
  return record.endsWith('"') || !cells.at(-1)?.includes(delimiter)
}

const schemaOf = (columns: readonly string[], delimiter: Delimiter): Schema & { skip: number } => ({
  skip: 0,
  col: delimiter,
  row: '\n',
  encl: '"',
  esc: '"',
  trim: false,
  cols: columns.map((name) => ({
    name,
    type: 's',
    repl: { empty: undefined, null: undefined, NaN: undefined },
  })),
})

/** The header's names, trimmed. Throws Refusal `request-invalid` for what cannot name the columns. */
export function readHeader(
  record: string,
  { delimiter, columnsMax }: { delimiter: Delimiter; columnsMax: number },
): string[] {
  const names = headerCells(record, delimiter).map((name) => name.trim())
  if (names.length > columnsMax) {
    throw headerRefusal(
      `有 ${names.length} 列,上限 ${columnsMax}`,
      `has ${names.length} columns, more than ${columnsMax}`,
    )
  }
  const nameless = names.indexOf('')
  if (nameless !== -1) {
    throw headerRefusal(`第 ${nameless + 1} 列没有名称`, `has no name for column ${nameless + 1}`)
  }
  const repeated = names.find((name, at) => names.indexOf(name) !== at)
  if (repeated !== undefined) {
    throw headerRefusal(`列名“${repeated}”重复`, `has the column “${repeated}” twice`)
  }
  return names
}

/** udsv must be told the number of columns: one more than the delimiters outside quotes. */
function headerCells(record: string, delimiter: Delimiter): string[] {
  if (!record.includes('"')) return record.split(delimiter)
  const count = record.replaceAll(/"[^"]*"/g, '').split(delimiter).length
  const unnamed = Array.from({ length: count }, (_, at) => String(at))
  const cells: string[] | undefined = initParser(schemaOf(unnamed, delimiter)).stringArrs(record)[0]
  if (cells) return cells
  throw headerRefusal('引号不配对', 'has quotes that do not pair')
}

/** What is wrong with a header ends the body: no row can be read without its columns. */
export const headerRefusal = (chinese: string, english: string): Refusal =>
  new Refusal('request-invalid', `CSV 表头${chinese} / The CSV header ${english}`)
