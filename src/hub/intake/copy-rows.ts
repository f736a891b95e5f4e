import type { ClientBase } from 'pg'
import copyStreams from 'pg-copy-streams'
import { pipeline as pump } from 'node:stream/promises'
import { errorCode } from '../error-code.ts'
import { copyOptions, recordCells } from '../records/encode.ts'
import type { Merge } from '../records/merge.ts'
import { stageName } from '../records/merge-statements.ts'
import { freshColumns, recordsName, stageColumns } from '../records/record-table.ts'
import type { StagedRow } from './batch.ts'

/** Rows leave in pieces of about this size: few writes, little memory. */
const pieceBytes = 256 * 1024

interface Cells {
  /** What goes before a row's cells: ASCII. */
  prefixOf: (at: number) => string
  cellsOf: (line: Buffer) => Buffer
}

function* pieces(rows: readonly StagedRow[], { prefixOf, cellsOf }: Cells): Generator<Buffer> {
  let piece = Buffer.allocUnsafe(pieceBytes)
  let length = 0
  for (const [at, row] of rows.entries()) {
    const prefix = prefixOf(at)
    const cells = cellsOf(row.line)
    const needed = prefix.length + cells.length
    if (length + needed > piece.length) {
      yield piece.subarray(0, length)
      piece = Buffer.allocUnsafe(Math.max(pieceBytes, needed))
      length = 0
    }
    length += piece.write(prefix, length, 'latin1')
    length += cells.copy(piece, length)
  }
  yield piece.subarray(0, length)
}

const wholeLines: Cells = { prefixOf: () => '', cellsOf: (line) => line }

/** Fills the connection's stage. */
export async function copyStaged(
  client: ClientBase,
  merge: Merge,
  rows: readonly StagedRow[],
): Promise<void> {
  if (rows.length === 0) return
  const sql = `copy ${stageName(merge.table)} (${stageColumns(merge.table)}) from stdin ${copyOptions}`
  await pump(pieces(rows, wholeLines), client.query(copyStreams.from(sql)))
}

export interface FreshRows {
  rows: readonly StagedRow[]
  runId: string
  receivedAt: string
  /** The resource's last change number, read under its lock. */
  lastSeq: number
}

const uniqueViolation = '23505'

/**
 * Copies rows straight into the records, which costs no more than COPY itself; true when all were new.
 * At the first key that is there already everything is undone to before the call, and the rows have to
 * take the way over the stage.
 */
export async function copyFresh(
  client: ClientBase,
  merge: Merge,
  { rows, runId, receivedAt, lastSeq }: FreshRows,
): Promise<boolean> {
  const { table } = merge
  const sql = `copy ${recordsName(table.number)} (${freshColumns(table)}) from stdin ${copyOptions}`
  await client.query('savepoint fresh')
  try {
    const prefixOf = (at: number): string => `${lastSeq + at + 1}\t${runId}\t${receivedAt}\t`
    const cells = pieces(rows, { prefixOf, cellsOf: recordCells })
    await pump(cells, client.query(copyStreams.from(sql)))
  } catch (error) {
    if (errorCode(error) !== uniqueViolation) throw error
    await client.query('rollback to savepoint fresh')
    return false
  }
  await client.query('release savepoint fresh')
  return true
}
