import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { bindConnector } from '../../../src/connectors/index.ts'
import { mysqlSession } from '../../../src/connectors/mysql/session.ts'
import { postgresSession } from '../../../src/connectors/postgres/session.ts'
import type { SqlSession } from '../../../src/connectors/sql/session.ts'
import { sqliteSession } from '../../../src/connectors/sqlite/session.ts'
import { createEmptyDatabase } from '../../support/database.ts'
import { mariadbMissing, startMariadb } from '../../support/servers/mariadb.ts'
import type { ConformanceStore, ExchangeRow, SampleRow } from './store.ts'

export interface SqlConformanceStore extends ConformanceStore {
  /** For the suite's own statements. */
  session(): SqlSession
  /** The connector's settings without a table. */
  settings(): Record<string, unknown>
  filesDirs(): string[]
}

interface SqlKind {
  kind: 'postgres' | 'mysql' | 'sqlite'
  name: string
  missing: string | null
  time: string
  open(): Promise<{ settings: Record<string, unknown>; session: SqlSession; stop(): Promise<void> }>
  placeholders(count: number): string
  sessions?: { count: string; end(session: SqlSession): Promise<void> }
}

const kinds: SqlKind[] = [
  {
    kind: 'postgres',
    name: 'PostgreSQL',
    missing: null,
    time: 'timestamp',
    placeholders: (count) => Array.from({ length: count }, (_, at) => `$${at + 1}`).join(', '),
    open: async () => {
      const { urls, drop } = await createEmptyDatabase()
      const settings: ServerSettings = { url: urls.superuser, table: 'unused' }
      const session = await postgresSession(settings)
      const stop = async () => {
        await session.close()
        await drop()
      }
      return { settings: { url: urls.superuser }, session, stop }
    },
    sessions: {
      count: `select count(*) as n from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`,
      end: async (session) => {
        await session.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
        )
      },
    },
  },
  {
    kind: 'mysql',
    name: 'MariaDB',
    missing: mariadbMissing(),
    time: 'datetime(6)',
    placeholders: (count) => Array.from({ length: count }, () => '?').join(', '),
    open: async () => {
      const { url, stop } = await startMariadb()
      const session = await mysqlSession({ url, table: 'unused' }, 'write')
      return { settings: { url }, session, stop }
    },
    sessions: {
      count: `select count(*) as n from information_schema.processlist where id <> connection_id() and db = database()`,
      end: async (session) => {
        const ids = await session.query<{ id: string }>(
          `select id as id from information_schema.processlist where id <> connection_id() and db = database()`,
        )
        for (const { id } of ids) await session.execute(`kill ${id}`)
      },
    },
  },
  {
    kind: 'sqlite',
    name: 'SQLite',
    missing: null,
    time: 'datetime',
    placeholders: (count) => Array.from({ length: count }, () => '?').join(', '),
    open: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'shuqiao-sqlite-'))
      const path = join(folder, 'store.db')
      const context = { filesDirs: [folder] }
      const session = await sqliteSession({ path, table: 'unused' }, context)
      await session.query('pragma journal_mode = wal')
      const stop = async () => {
        await session.close()
        rmSync(folder, { recursive: true, force: true })
      }
      return { settings: { path }, session, stop }
    },
  },
]

export const sqlStores: SqlConformanceStore[] = kinds.map(storeOf)

function storeOf(kind: SqlKind): SqlConformanceStore {
  let opened: Awaited<ReturnType<SqlKind['open']>> | undefined
  let tableCount = 0
  const now = () => {
    if (!opened) throw new Error('The store has not been started.')
    return opened
  }
  const insert = async (table: string, rows: readonly (string | number | null)[][]) => {
    for (const row of rows) {
      await now().session.execute(
        `insert into ${table} values (${kind.placeholders(row.length)})`,
        row,
      )
    }
  }
  const cellsOf = (rows: readonly SampleRow[]) =>
    rows.map(({ id, updatedAt, name }) => [id, updatedAt, name])
  const exchangeCells = (rows: readonly ExchangeRow[], mark: boolean) =>
    rows.map(({ id, operation, batch, time, name }) => [
      id,
      operation,
      batch,
      time,
      name,
      ...(mark ? [null] : []),
    ])
  const text = kind.kind === 'mysql' ? 'varchar(200)' : 'text'
  const { sessions } = kind
  return {
    name: kind.name,
    missing: kind.missing,
    can: { cursor: true, changes: true, exchange: true, loses: sessions !== undefined },
    session: () => now().session,
    settings: () => now().settings,
    filesDirs: () => {
      const { path } = now().settings
      return typeof path === 'string' ? [join(path, '..')] : []
    },
    start: async () => {
      opened = await kind.open()
    },
    stop: async () => {
      await opened?.stop()
    },
    make: async (rows, options = {}) => {
      const table = `sample_${++tableCount}`
      const key = options.key === false ? '' : ', primary key (id)'
      await now().session.execute(
        `create table ${table} (id bigint not null, updated_at ${kind.time}, name ${text}${key})`,
      )
      await insert(table, cellsOf(rows))
      return {
        connector: await bindConnector(kind.kind, { ...now().settings, table }),
        insert: (more) => insert(table, cellsOf(more)),
        run: async (statement) => {
          await now().session.execute(statement.replaceAll('$table', table))
        },
      }
    },
    makeExchange: async (rows, { mark }) => {
      const table = `exchange_${++tableCount}`
      const exchange = {
        operation: 'op',
        batch: 'batch_no',
        time: 'written_at',
        receipts: `${table}_receipts`,
        rejects: `${table}_rejects`,
        ...(mark && { mark: 'taken' }),
      }
      await now().session.execute(
        `create table ${table} (id bigint primary key, op ${text}, batch_no bigint, written_at ${kind.time}, name ${text}${mark ? `, taken ${text}` : ''})`,
      )
      await insert(table, exchangeCells(rows, mark))
      return {
        connector: await bindConnector(kind.kind, { ...now().settings, table, exchange }),
        insert: (more) => insert(table, exchangeCells(more, mark)),
        ask: (statement) => now().session.query(statement.replaceAll('$table', table)),
      }
    },
    ...(sessions && {
      loseConnections: () => sessions.end(now().session),
      openConnections: async () => {
        const [row] = await now().session.query<{ n: string }>(sessions.count)
        return Number(row?.n ?? 0)
      },
    }),
    shownTime: (given) => (kind.kind === 'postgres' ? given.replace(/\.?0+$/, '') : given),
  }
}
