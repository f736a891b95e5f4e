/**
 * The words of the row pipeline: decode → map → check → stage → merge. Push, pull, file, cascade and
 * replay all use these shapes. Nothing here knows of HTTP or a database.
 */
import type { RowCode } from '../../schemas/api/row-codes.ts'

/** A row as its source wrote it: column → cell. CSV cells are strings; JSON cells are any JSON value. */
export type SourceRow = Record<string, unknown>

/** One decoded row, or the reason why it could not be read. `line` counts from 1 (a CSV header is line 1). */
export type DecodedRow =
  | { line: number; row: SourceRow; fault?: undefined }
  | { line: number; row?: undefined; fault: RowCode; raw: string }

/**
 * Rows that were decoded together. `endByte` is the offset in the decompressed body right behind the last
 * of them: what a resumed body is compared by. A decoder never holds more than a few blocks.
 */
export interface DecodedBlock {
  rows: DecodedRow[]
  endByte: number
}

export type RowOperation = 'upsert' | 'delete'

export type RecordStatus = 'current' | 'cancelled' | 'historical' | 'superseded' | 'deleted'

/** Something wrong with one row. `field` is the standard's field (`holders.idNumber` for a child), null for the whole row. */
export interface Fault {
  field: string | null
  code: RowCode
  /** The value as it came, at most 200 code points, for the quality entry. */
  value?: string
}

/**
 * A row mapped to the resource's fields, not yet checked. Absent and null values are left out.
 * Values: text string · integer number · decimal string · date `YYYY-MM-DD` · datetime RFC 3339 UTC ·
 * boolean · array of such. `key` is given when the mapping composes it; else the resource's keys decide.
 */
export interface MappedRow {
  values: Record<string, unknown>
  operation: RowOperation
  key?: string
  sourceUpdatedAt?: string
  status?: RecordStatus
  /** True when several source rows of one key make one record, so that neighbours are joined. */
  joins?: boolean
  faults: Fault[]
}
