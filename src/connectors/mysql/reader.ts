import type { Connection } from 'mysql2'
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import type { CellBlock, Cells, RowReader } from '../sql/dialect.ts'
import { blockQueue } from '../sql/block-queue.ts'
import { rendered, type Sql } from '../sql/sql-text.ts'
import { connectMysql, endNow, endStatement, run, storeError } from './connection.ts'

/**
 * Rows as they come, by the text protocol: the select makes texts of everything, so that the driver has
 * nothing to convert. All selects of a reader see one snapshot. A read that is left in the middle costs
 * its connection.
 */
export async function openReader(
  settings: ServerSettings,
  signal: AbortSignal | undefined,
): Promise<RowReader> {
  const connection = await connectMysql(settings, 'read', signal)
  let isReading = false
  try {
    await run(connection, 'set session transaction isolation level repeatable read')
    await run(connection, 'start transaction with consistent snapshot, read only')
  } catch (error) {
    endNow(connection)
    throw storeError(error)
  }
  return {
    async *rows(statement) {
      isReading = true
      yield* queryRows(connection, statement, signal)
      isReading = false
    },
    close: async () => {
      if (isReading) endStatement(connection, settings)
      else connection.end(() => undefined)
    },
  }
}

async function* queryRows(
  connection: Connection,
  statement: Sql,
  signal: AbortSignal | undefined,
): AsyncGenerator<CellBlock, void, undefined> {
  const queue = blockQueue({
    pause: () => connection.pause(),
    resume: () => connection.resume(),
  })
  const stop = (): void => queue.fail(signal?.reason)
  signal?.addEventListener('abort', stop, { once: true })
  const query = connection.query({
    sql: rendered(statement, () => '?'),
    values: [...statement.values],
    rowsAsArray: true,
  })
  query.on('result', (row: unknown) => {
    if (isCells(row)) queue.push(row)
  })
  query.on('error', (error: unknown) => queue.fail(error))
  query.on('end', () => queue.end())
  // A server that goes away between two packets tells the connection, not the statement.
  const lose = (error: unknown): void => queue.fail(error)
  connection.on('error', lose)
  try {
    yield* queue.blocks()
  } catch (error) {
    signal?.throwIfAborted()
    throw storeError(error)
  } finally {
    connection.off('error', lose)
    signal?.removeEventListener('abort', stop)
  }
}

const isCells = (row: unknown): row is Cells => Array.isArray(row)
