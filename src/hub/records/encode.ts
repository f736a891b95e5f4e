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
  line: string
  /** Hex, 128 bits of SHA-256 over the business columns, the status and the flags. */
  hash: string
}

const special = /[\\\t\n\r]/
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** Text escaped for COPY; most cells have nothing to escape, so the test comes first. */
export const copyText = (text: string): string =>
  special.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? '') : text

const cellEncoders: Record<Field['type'], (value: unknown) => string> = {
  text: (value) => copyText(value as string),
  integer: (value) => String(value),
  decimal: (value) => value as string,
  date: (value) => value as string,
  datetime: (value) => value as string,
  boolean: (value) => (value === true ? 't' : 'f'),
  object: (value) => copyText(JSON.stringify(value)),
  array: (value) => copyText(JSON.stringify(value)),
}

type Cells = (values: Record<string, unknown>) => string

/**
 * One function that writes all business columns of a row, tab before each. It is generated once per
 * resource, since a loop over fields with a lookup per cell is what intake would spend its time on.
 * Only field names, quoted by JSON.stringify, become part of the source text.
 */
function compileCells(fields: readonly Field[]): Cells {
  const statements = fields.map((field) => {
    const name = JSON.stringify(field.name)
    const encoder = `encoders[${JSON.stringify(field.type)}]`
    return `value = values[${name}]; line += value == null ? '\\t\\\\N' : '\\t' + ${encoder}(value);`
  })
  const source = `return (values) => { let value, line = ''; ${statements.join('\n')} return line }`

  return new Function('encoders', source)(cellEncoders) as Cells
}

const emptyTail = /(?:\t\\N)+$/

/**
 * Compiles the encoder of a resource. Columns of a line, in order: ordinal, key, operation, status,
 * source time, hash, quality, then the business columns as `stagedFields` orders them. Trailing empty columns
 * stay out of the hash, so that a field added by a revision does not make every record look changed.
 */
export function compileEncoder(
  fields: readonly Field[],
): (row: LandingRow, ordinal: number) => EncodedRow {
  const { facts, clocks } = stagedFields(fields)
  const factCells = compileCells(facts)
  const clockCells = compileCells(clocks)
  return (row, ordinal) => {
    const business = row.operation === 'delete' ? '' : factCells(row.values)
    const flags = row.quality.length === 0 ? '' : row.quality.map(({ code }) => code).join()
    const digest = hash(
      'sha256',
      `${row.status}\n${flags}\n${business.endsWith('\\N') ? business.replace(emptyTail, '') : business}`,
      'hex',
    ).slice(0, 32)
    const quality = flags === '' ? '\\N' : copyText(JSON.stringify(row.quality))
    const columns =
      row.operation === 'delete'
        ? '\t\\N'.repeat(fields.length)
        : business + clockCells(row.values)
    const line = `${ordinal}\t${copyText(row.key)}\t${row.operation === 'delete' ? 'd' : 'u'}\t${row.status}\t${row.sourceUpdatedAt ?? '\\N'}\t\\\\x${digest}\t${quality}${columns}\n`
    return { line, hash: digest }
  }
}
