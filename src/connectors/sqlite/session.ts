import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
import { existsSync } from 'node:fs'
import type { SqliteSettings } from '../../../schemas/api/connectors.ts'
import type { ConnectorContext } from '../contract.ts'
import { lostConnection } from '../sql/lost.ts'
import { rowsOf } from '../sql/answers.ts'
import type { SqlSession } from '../sql/session.ts'
import { allowedPath } from './file-path.ts'

/** Waiting for another process's lock holds up the whole event loop: it must be short. */
const lockWaitMs = 1000

export function openDatabase(
  settings: SqliteSettings,
  { filesDirs }: ConnectorContext,
  mode: 'read' | 'write' | 'create',
): DatabaseSync {
  const path = allowedPath(settings.path, filesDirs)
  if (mode !== 'create' && !existsSync(path)) throw lostConnection({ code: 'ENOENT' })
  try {
    const database = new DatabaseSync(path, { readOnly: mode === 'read', timeout: lockWaitMs })
    database.exec('select count(*) from sqlite_master')
    return database
  } catch (error) {
    throw storeError(error)
  }
}

/** A locked or unreadable file is tried again; what SQLite says of a statement passes as it is. */
export function storeError(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return error
  const primary = typeof error.errcode === 'number' ? error.errcode & 0xff : 0
  return primaryLost.has(primary) ? lostConnection(error) : error
}

/** SQLITE_BUSY, LOCKED, IOERR, CORRUPT, CANTOPEN, NOTADB (sqlite.org/rescode.html). */
const primaryLost = new Set([5, 6, 10, 11, 14, 26])

/** A value as text: whole numbers in all digits, real ones in the shortest exact form, bytes as base64. */
export function textOf(given: SQLOutputValue): string | null {
  if (given === null) return null
  if (given instanceof Uint8Array) return Buffer.from(given).toString('base64')
  return String(given)
}

/** Parameters are written `?`; all values come back as text. */
export async function sqliteSession(
  settings: SqliteSettings,
  context: ConnectorContext,
  mode: 'write' | 'create' = 'create',
): Promise<SqlSession> {
  context.signal?.throwIfAborted()
  return sessionOn(openDatabase(settings, context, mode))
}

function sessionOn(database: DatabaseSync): SqlSession {
  const prepared = (text: string) => {
    const statement = database.prepare(text)
    statement.setReadBigInts(true)
    return statement
  }
  const session: SqlSession = {
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      rowsOf<Row>(
        attempt(() =>
          prepared(text)
            .all(...values.map(inputOf))
            .map(textRow),
        ),
      ),
    execute: async (text, values = []) =>
      attempt(() => Number(prepared(text).run(...values.map(inputOf)).changes)),
    transaction: async (work) => {
      attempt(() => database.exec('begin immediate'))
      try {
        const result = await work(session)
        attempt(() => database.exec('commit'))
        return result
      } catch (error) {
        if (database.isTransaction) database.exec('rollback')
        throw error
      }
    },
    close: async () => {
      if (database.isOpen) database.close()
    },
  }
  return session
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw storeError(error)
  }
}

const textRow = (row: Record<string, SQLOutputValue>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(row).map(([name, given]) => [name, textOf(given)]))

function inputOf(given: unknown): SQLInputValue {
  if (given === null || typeof given === 'string' || typeof given === 'number') return given
  if (typeof given === 'bigint' || given instanceof Uint8Array) return given
  if (typeof given === 'boolean') return given ? 1 : 0
  if (given instanceof Date) return given.toISOString()
  return given === undefined ? null : JSON.stringify(given)
}
