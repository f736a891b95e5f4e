import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mysqlSession } from '../../../src/connectors/mysql/session.ts'
import { postgresSession } from '../../../src/connectors/postgres/session.ts'
import type { SqlSession } from '../../../src/connectors/sql/session.ts'
import { sqliteSession } from '../../../src/connectors/sqlite/session.ts'
import type { TargetDialect } from '../../../src/connectors/table-target/dialect.ts'
import {
  mysqlTarget,
  postgresTarget,
  sqliteTarget,
} from '../../../src/connectors/table-target/dialects.ts'
import { createEmptyDatabase } from '../../support/database.ts'

/** A real store that a table target writes to, and how to ask it what has arrived. */
export interface TargetStore {
  dialect: TargetDialect
  connect(): Promise<SqlSession>
  stop(): Promise<void>
}

export async function startPostgres(): Promise<TargetStore> {
  const { urls, drop } = await createEmptyDatabase()
  return {
    dialect: postgresTarget,
    connect: () => postgresSession({ url: urls.superuser, table: 'unused' }),
    stop: drop,
  }
}

export async function startSqlite(): Promise<TargetStore> {
  const folder = await mkdtemp(join(tmpdir(), 'target-sqlite-'))
  const settings = { path: join(folder, `${randomBytes(4).toString('hex')}.db`), table: 'unused' }
  return {
    dialect: sqliteTarget,
    connect: () => sqliteSession(settings, { filesDirs: [folder] }),
    stop: () => rm(folder, { recursive: true }),
  }
}

/** `url` is that of an empty database. */
export const mysqlStore = (url: string, stop: () => Promise<void>): TargetStore => ({
  dialect: mysqlTarget,
  connect: () => mysqlSession({ url, table: 'unused' }, 'write'),
  stop,
})
