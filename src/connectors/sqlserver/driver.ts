/** The parts of `mssql` (over tedious) that are used. Source: node-mssql documentation, *Request, Streaming*. */
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import { cellText, rowsOf } from '../sql/answers.ts'
import { blockQueue } from '../sql/block-queue.ts'
import type { CellBlock, Cells, RowReader } from '../sql/dialect.ts'
import { codeOf, isNetworkError, lostConnection, refusedByStore } from '../sql/lost.ts'
import { hasFunctions, loadDriver } from '../sql/optional-driver.ts'
import { serverUrl } from '../sql/server-url.ts'
import type { SqlSession } from '../sql/session.ts'
import { rendered, type Sql } from '../sql/sql-text.ts'
import { untilAborted } from '../sql/until-aborted.ts'

interface MssqlRequest {
  stream: boolean
  arrayRowMode: boolean
  input(name: string, value: unknown): MssqlRequest
  query(text: string): Promise<{ recordset?: unknown[]; rowsAffected: number[] }>
  on(event: string, listener: (given: unknown) => void): unknown
  pause(): unknown
  resume(): unknown
  cancel(): unknown
}

interface MssqlTransaction {
  begin(): Promise<unknown>
  commit(): Promise<unknown>
  rollback(): Promise<unknown>
  request(): MssqlRequest
}

interface MssqlPool {
  connect(): Promise<unknown>
  request(): MssqlRequest
  transaction(): MssqlTransaction
  on(event: 'error', listener: () => void): unknown
  close(): Promise<unknown>
}

interface MssqlDriver {
  ConnectionPool: new (config: Record<string, unknown>) => MssqlPool
}

const isDriver = (loaded: unknown): loaded is MssqlDriver =>
  hasFunctions(loaded, ['ConnectionPool'])

const schemes = ['sqlserver', 'mssql']

/** `sqlserver://user:password@host:1433/database`. Without `tls` nothing is encrypted but the sign-in. */
function poolConfig({ url, tls }: ServerSettings): Record<string, unknown> {
  const { host, port, user, password, path } = serverUrl(url, schemes, 1433)
  return {
    server: host,
    port,
    user,
    password,
    ...(path && { database: path }),
    // One connection: a session is a session.
    pool: { max: 1, min: 0 },
    connectionTimeout: 10_000,
    requestTimeout: 0,
    options: {
      encrypt: tls !== undefined,
      trustServerCertificate: tls === undefined || tls.verify === false,
      appName: 'shuqiao',
      ...(tls?.ca !== undefined && { cryptoCredentialsDetails: { ca: tls.ca } }),
    },
  }
}

async function openPool(
  settings: ServerSettings,
  signal: AbortSignal | undefined,
): Promise<MssqlPool> {
  signal?.throwIfAborted()
  const { ConnectionPool } = await loadDriver({ name: 'mssql', version: '12.7.14' }, isDriver)
  const pool = new ConnectionPool(poolConfig(settings))
  pool.on('error', () => undefined)
  try {
    await untilAborted(pool.connect(), signal)
    return pool
  } catch (error) {
    void pool.close().catch(() => undefined)
    signal?.throwIfAborted()
    throw storeError(error)
  }
}

const prepared = (request: MssqlRequest, values: readonly unknown[]): MssqlRequest =>
  values.reduce<MssqlRequest>((made, given, at) => made.input(`p${at + 1}`, given), request)

/** Parameters are written `@p1`, `@p2`, …. */
export async function sqlserverSession(
  settings: ServerSettings,
  signal: AbortSignal | undefined,
): Promise<SqlSession> {
  const pool = await openPool(settings, signal)
  return {
    ...sessionOn(() => pool.request(), signal),
    transaction: async (work) => {
      const transaction = pool.transaction()
      await transaction.begin()
      const inside: SqlSession = {
        ...sessionOn(() => transaction.request(), signal),
        transaction: (more) => more(inside),
        close: async () => undefined,
      }
      try {
        const result = await work(inside)
        await transaction.commit()
        return result
      } catch (error) {
        await transaction.rollback().catch(() => undefined)
        throw error
      }
    },
    close: async () => {
      await pool.close()
    },
  }
}

function sessionOn(
  request: () => MssqlRequest,
  signal: AbortSignal | undefined,
): Pick<SqlSession, 'query' | 'execute'> {
  const ask = (text: string, values: readonly unknown[] = []) =>
    untilAborted(
      prepared(request(), values)
        .query(text)
        .catch((error: unknown) => {
          throw isLost(error) ? lostConnection(error) : error
        }),
      signal,
    )
  return {
    query: async <Row extends object>(text: string, values?: readonly unknown[]) =>
      rowsOf<Row>((await ask(text, values)).recordset),
    execute: async (text, values) =>
      (await ask(text, values)).rowsAffected.reduce((sum, count) => sum + count, 0),
  }
}

export async function openReader(
  settings: ServerSettings,
  signal: AbortSignal | undefined,
): Promise<RowReader> {
  const pool = await openPool(settings, signal)
  let reading: MssqlRequest | null = null
  return {
    async *rows(statement) {
      reading = prepared(pool.request(), statement.values)
      yield* streamed(reading, statement, signal)
      reading = null
    },
    close: async () => {
      reading?.cancel()
      await pool.close().catch(() => undefined)
    },
  }
}

async function* streamed(
  request: MssqlRequest,
  statement: Sql,
  signal: AbortSignal | undefined,
): AsyncGenerator<CellBlock, void, undefined> {
  request.stream = true
  request.arrayRowMode = true
  const queue = blockQueue({ pause: () => request.pause(), resume: () => request.resume() })
  const stop = (): void => queue.fail(signal?.reason)
  signal?.addEventListener('abort', stop, { once: true })
  request.on('row', (row) => queue.push(cellsOf(row)))
  request.on('error', (error) => queue.fail(error))
  request.on('done', () => queue.end())
  // In stream mode everything is told by events.
  request.query(rendered(statement, (index) => `@p${index}`)).catch(() => undefined)
  try {
    yield* queue.blocks()
  } catch (error) {
    signal?.throwIfAborted()
    throw storeError(error)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

const cellsOf = (row: unknown): Cells => (Array.isArray(row) ? row.map(cellText) : [])

const isLost = (error: unknown): boolean =>
  isNetworkError(error) || /^(?:ESOCKET|ETIMEOUT|ECONNCLOSED|ENOTOPEN|EABORT)$/.test(codeOf(error))

/** What a driver's error means for a run: lost is tried again, the rest is refused. */
export function storeError(error: unknown): unknown {
  if (error instanceof Refusal) return error
  if (isLost(error)) return lostConnection(error)
  return codeOf(error) === 'ELOGIN'
    ? refusedByStore(error, '用户名或密码不对 / The user or password is wrong')
    : refusedByStore(error, '数据源拒绝执行 / The source refused the statement')
}
