import type { ClientBase } from 'pg'
import copyStreams from 'pg-copy-streams'
import { pipeline as pump } from 'node:stream/promises'
import { errorCode } from '../error-code.ts'
import { copyOptions, recordCells } from '../records/encode.ts'
import type { Merge } from '../records/merge.ts'
import { stageName } from '../records/merge-statements.ts'
import { freshColumns, recordsName, stageColumns } from '../records/record-table.ts'
import type { StagedRow } from './batch.ts'

/** Lines leave in pieces of about this many characters: few writes, little memory. */
const pieceLength = 64 * 1024

function* pieces(rows: readonly StagedRow[], lineOf: (row: StagedRow, at: number) => string) {
  let piece = ''
  for (const [at, row] of rows.entries()) {
    piece += lineOf(row, at)
    if (piece.length >= pieceLength) {
      yield piece
      piece = ''
    }
  }
  if (piece !== '') yield piece
}

/** Fills the connection's stage. */
export async function copyStaged(
  client: ClientBase,
  merge: Merge,
  rows: readonly StagedRow[],
): Promise<void> {
  if (rows.length === 0) return
  const sql = `copy ${stageName(merge.table)} (${stageColumns(merge.table)}) from stdin ${copyOptions}`
  await pump(
    pieces(rows, ({ line }) => line),
    client.query(copyStreams.from(sql)),
  )
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
    await pump(
      pieces(
        rows,
        ({ line }, at) => `${lastSeq + at + 1}\t${runId}\t${receivedAt}\t${recordCells(line)}`,
      ),
      client.query(copyStreams.from(sql)),
    )
  } catch (error) {
    if (errorCode(error) !== uniqueViolation) throw error
    await client.query('rollback to savepoint fresh')
    return false
  }
  await client.query('release savepoint fresh')
  return true
}
