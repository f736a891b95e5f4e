import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SqliteSettings } from '../../../schemas/api/connectors.ts'
import type { ConnectorContext } from '../contract.ts'
import type { CellBlock, Cells, RowReader } from '../sql/dialect.ts'
import { rendered, type Sql } from '../sql/sql-text.ts'
import { openDatabase, storeError, textOf } from './session.ts'

const blockRowsMax = 500
const blockBytesMax = 1024 * 1024

/**
 * SQLite works inside the calling thread: rows are stepped through in small blocks, and between them the
 * event loop goes on. All selects of a reader see one state of the database.
 */
export async function openReader(
  settings: SqliteSettings,
  context: ConnectorContext,
): Promise<RowReader> {
  const database = openDatabase(settings, context, 'read')
  database.exec('begin')
  return {
    rows: (statement) => stepThrough(database, statement, context.signal),
    close: async () => {
      if (database.isOpen) database.close()
    },
  }
}

async function* stepThrough(
  database: DatabaseSync,
  statement: Sql,
  signal: AbortSignal | undefined,
): AsyncGenerator<CellBlock, void, undefined> {
  const prepared = database.prepare(rendered(statement, () => '?'))
  prepared.setReadBigInts(true)
  const values: SQLInputValue[] = [...statement.values]
  const rows = prepared.iterate(...values)
  for (;;) {
    signal?.throwIfAborted()
    const block = nextBlock(rows)
    if (block.rows.length === 0) return
    yield block
    await nextTurn()
  }
}

/** Rows are objects with the select's names `c0`, `c1`, … in its order. */
function nextBlock(rows: ReturnType<ReturnType<DatabaseSync['prepare']>['iterate']>): CellBlock {
  const block: { rows: Cells[]; byteCount: number } = { rows: [], byteCount: 0 }
  try {
    while (block.rows.length < blockRowsMax && block.byteCount < blockBytesMax) {
      const next = rows.next()
      if (next.done) break
      const cells = Object.values(next.value).map(textOf)
      for (const cell of cells) block.byteCount += (cell?.length ?? 0) + 1
      block.rows.push(cells)
    }
    return block
  } catch (error) {
    throw storeError(error)
  }
}
