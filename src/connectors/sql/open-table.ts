import { Refusal } from '../../shared/refusal.ts'
import type { ConnectorContext } from '../contract.ts'
import type { RowReader, SqlStore, TableFacts, TableName } from './dialect.ts'
import type { SqlSession } from './session.ts'
import { rendered, type Sql } from './sql-text.ts'
import { parseTableName, quotedTable } from './table-name.ts'

/** A table with a session of its own for short statements; both are opened when they are first needed. */
export interface OpenTable {
  store: SqlStore
  /** A name as the store folds it when it is written without quotes. */
  folded(name: TableName): TableName
  /** Quoted, for statements. */
  name: string
  session(): Promise<SqlSession>
  query<Row extends object>(statement: Sql): Promise<Row[]>
  /** Read anew by each use of the source: a source lives as long as a run. */
  facts(): Promise<TableFacts>
  openReader(): Promise<RowReader>
  close(): Promise<void>
}

export function openTable(store: SqlStore, table: string, context: ConnectorContext): OpenTable {
  const fold = store.dialect.fold ?? ((name: string) => name)
  const folded = ({ schema, name }: TableName): TableName => ({
    schema: schema === null ? null : fold(schema),
    name: fold(name),
  })
  const parsed = folded(parseTableName(table))
  let opened: Promise<SqlSession> | null = null
  const session = (): Promise<SqlSession> => {
    context.signal?.throwIfAborted()
    opened ??= store.connect().catch((error: unknown) => {
      opened = null
      throw error
    })
    return opened
  }
  let facts: Promise<TableFacts> | null = null
  const readFacts = async (): Promise<TableFacts> => {
    const found = await store.facts(await session(), parsed)
    if (found) return found
    throw new Refusal('state-conflict', noTable(table))
  }
  return {
    store,
    folded,
    name: quotedTable(store.dialect, parsed),
    session,
    query: async (statement) =>
      (await session()).query(rendered(statement, store.dialect.placeholder), statement.values),
    facts: () => (facts ??= readFacts()),
    openReader: () => {
      context.signal?.throwIfAborted()
      return store.openReader()
    },
    close: async () => {
      const session = await opened?.catch(() => null)
      opened = null
      await session?.close()
    },
  }
}

const noTable = (table: string): string =>
  `来源中没有表或视图 ${table},或没有读取权限 / The source has no table or view ${table}, or it may not be read`
