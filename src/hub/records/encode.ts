import type { Field } from '../../../schemas/field.ts'
import type { QualityEntry } from '../../exchange/checks/judge.ts'
import { stagedFields } from './record-table.ts'
import type { RecordStatus, RowOperation } from '../../exchange/types.ts'
import { hash } from 'node:crypto'

/** A checked row on its way into a stage. */
export interface LandingRow {
  key: string
  operation: RowOperation
  values: Record<string, unknown>
  status: RecordStatus
  sourceUpdatedAt: string | null
  quality: readonly QualityEntry[]
}

/** One row as a line of PostgreSQL's COPY text format, with the hash that decides whether it is unchanged. */
export interface EncodedRow {
  line: Buffer
  /** Hex, 128 bits of SHA-256 over the business columns, the status and the flags. */
  hash: string
}

const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
const backslash = 92

/** Tab, line feed and carriage return are all below 14, as few other characters of any text are. */
const isSpecial = (unit: number): boolean =>
  unit === backslash || (unit < 14 && (unit === 9 || unit === 10 || unit === 13))

/**
 * Text escaped for COPY. Most cells are short and have nothing to escape: a plain loop then costs a
 * third of a regular expression's call.
 */
export const copyText = (text: string): string => {
  for (let index = 0; index < text.length; index += 1) {
    if (isSpecial(text.charCodeAt(index))) {
      return text.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? '')
    }
  }
  return text
}

const cellEncoders: Record<Field['type'], (value: unknown) => string> = {
  text: (value) => copyText(String(value)),
  integer: String,
  decimal: String,
  date: String,
  datetime: String,
  boolean: (value) => (value === true ? 't' : 'f'),
  object: (value) => copyText(JSON.stringify(value)),
  array: (value) => copyText(JSON.stringify(value)),
}

type Cells = (values: Record<string, unknown>) => string

/**
 * One function that writes business columns of a row, tab before each. It is generated once per
 * resource, since a loop over fields with a lookup per cell is what intake would spend its time on.
 * Only field names, quoted by JSON.stringify, become part of the source text.
 */
function compileCells(fields: readonly Field[]): Cells {
  const statements = fields.map((field) => {
    const name = JSON.stringify(field.name)
    const encoder = `encoders[${JSON.stringify(field.type)}]`
    return `value = values[${name}]; cells += value == null ? '\\t' : '\\t' + ${encoder}(value);`
  })
  const source = `return (values) => { let value, cells = ''; ${statements.join('\n')} return cells }`

  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion
  return new Function('encoders', source)(cellEncoders) as Cells
}

const tab = 9

/** Trailing empty columns stay out of the hash, so that a field added by a revision makes no record look changed. */
function withoutEmptyTail(cells: string): string {
  let end = cells.length
  while (end > 0 && cells.charCodeAt(end - 1) === tab) end -= 1
  return cells.slice(0, end)
}

/** Of a stage's line what the record itself has: all behind the ordinal and the operation's one letter. */
export const recordCells = (line: Buffer): Buffer => line.subarray(line.indexOf(tab) + 3)

/** How a stage is filled: an empty cell is no value, since no text of a checked row is empty. */
export const copyOptions = `(null '')`

/**
 * Compiles the encoder of a resource. Columns of a line, in order: ordinal, operation, key, status,
 * source time, hash, quality, then the business columns as `stagedFields` orders them.
 */
export function compileEncoder(
  fields: readonly Field[],
): (row: LandingRow, ordinal: number) => EncodedRow {
  const { facts, clocks } = stagedFields(fields)
  const factCells = compileCells(facts)
  const clockCells = compileCells(clocks)
  return (row, ordinal) => {
    const isDeletion = row.operation === 'delete'
    const cells = factCells(row.values)
    // A deletion says nothing of its record; it may name the version that it is of.
    const business = isDeletion ? '' : cells
    const columns = cells + clockCells(row.values)
    const flags = row.quality.length === 0 ? '' : row.quality.map(({ code }) => code).join()
    const told = `${row.status}\n${flags}\n${withoutEmptyTail(business)}`
    const digest = hash('sha256', told, 'hex').slice(0, 32)
    const quality = flags === '' ? '' : copyText(JSON.stringify(row.quality))
    const system = `${ordinal}\t${isDeletion ? 'd' : 'u'}\t${copyText(row.key)}\t${row.status}\t${row.sourceUpdatedAt ?? ''}\t\\\\x${digest}\t${quality}`
    return { line: Buffer.from(`${system}${columns}\n`), hash: digest }
  }
}
