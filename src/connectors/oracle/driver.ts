/**
 * The parts of `oracledb` (thin mode) and of `dmdb` that are used: 达梦's driver follows Oracle's in its
 * calls. Sources: node-oracledb documentation, *API: connection, resultset*; DM Node.js 编程指南 §10.3.
 */
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import { cellText, rowsOf } from '../sql/answers.ts'
import type { CellBlock, Cells, RowReader } from '../sql/dialect.ts'
import { codeOf, isNetworkError, lostConnection, refusedByStore } from '../sql/lost.ts'
import type { SqlSession } from '../sql/session.ts'
import { rendered, type Sql } from '../sql/sql-text.ts'
import { untilAborted } from '../sql/until-aborted.ts'

export interface OracleResult {
  rows?: unknown[] | undefined
  rowsAffected?: number | undefined
  resultSet?: { getRows(count: number): Promise<unknown[]>; close(): Promise<void> } | undefined
}

export interface OracleConnection {
  execute(
    text: string,
    binds: readonly unknown[],
    options: Record<string, unknown>,
  ): Promise<OracleResult>
  commit(): Promise<void>
  rollback(): Promise<void>
  close(options?: { drop: boolean }): Promise<void>
  /** Ends the statement that runs; absent in `dmdb`. */
  break?(): Promise<void>
}

export interface OracleMaker {
  /** A connection whose session is in UTC with a point in its decimals. */
  connect(settings: ServerSettings): Promise<OracleConnection>
  /** `outFormat` for rows as arrays and as objects, and what makes texts of long columns. */
  asArrays: Record<string, unknown>
  asObjects: Record<string, unknown>
  /** What begins a read that sees one state of the store; null: there is no such thing. */
  snapshot: string | null
}

type Signal = AbortSignal | undefined

const blockRowsMax = 500

export async function openConnection(
  maker: () => Promise<OracleMaker>,
  settings: ServerSettings,
  signal: Signal,
): Promise<{ connection: OracleConnection; made: OracleMaker }> {
  signal?.throwIfAborted()
  const made = await maker()
  const connecting = made.connect(settings)
  try {
    return { connection: await untilAborted(connecting, signal), made }
  } catch (error) {
    connecting.then((late) => late.close({ drop: true })).catch(() => undefined)
    signal?.throwIfAborted()
    throw storeError(error)
  }
}

export async function oracleSession(
  maker: () => Promise<OracleMaker>,
  settings: ServerSettings,
  signal: Signal,
): Promise<SqlSession> {
  const { connection, made } = await openConnection(maker, settings, signal)
  let isInside = false
  const ask = (text: string, values: readonly unknown[] = []): Promise<OracleResult> =>
    untilAborted(
      connection
        .execute(text, values, { ...made.asObjects, autoCommit: !isInside })
        .catch((error: unknown) => {
          throw isLost(error) ? lostConnection(error) : error
        }),
      signal,
    )
  const session: SqlSession = {
    query: async <Row extends object>(text: string, values?: readonly unknown[]) =>
      rowsOf<Row>((await ask(text, values)).rows),
    execute: async (text, values) => (await ask(text, values)).rowsAffected ?? 0,
    transaction: async (work) => {
      isInside = true
      try {
        const result = await work(session)
        await connection.commit()
        return result
      } catch (error) {
        await connection.rollback().catch(() => undefined)
        throw error
      } finally {
        isInside = false
      }
    },
    close: () => connection.close(),
  }
  return session
}

export async function openOracleReader(
  maker: () => Promise<OracleMaker>,
  settings: ServerSettings,
  signal: Signal,
): Promise<RowReader> {
  const { connection, made } = await openConnection(maker, settings, signal)
  let isReading = false
  if (made.snapshot !== null) await connection.execute(made.snapshot, [], {})
  return {
    async *rows(statement) {
      isReading = true
      yield* fetched({ connection, made, signal }, statement)
      isReading = false
    },
    close: async () => {
      if (isReading) await connection.break?.().catch(() => undefined)
      await connection.close({ drop: true }).catch(() => undefined)
    },
  }
}

interface Fetching {
  connection: OracleConnection
  made: OracleMaker
  signal: Signal
}

async function* fetched(
  { connection, made, signal }: Fetching,
  statement: Sql,
): AsyncGenerator<CellBlock, void, undefined> {
  const text = rendered(statement, (index) => `:${index}`)
  const options = { ...made.asArrays, resultSet: true, fetchArraySize: blockRowsMax }
  try {
    const { resultSet } = await untilAborted(
      connection.execute(text, statement.values, options),
      signal,
    )
    if (!resultSet) throw lostConnection(undefined)
    for (;;) {
      const rows = await untilAborted(resultSet.getRows(blockRowsMax), signal)
      if (rows.length === 0) break
      yield blockOf(rows)
    }
    await resultSet.close()
  } catch (error) {
    signal?.throwIfAborted()
    throw storeError(error)
  }
}

function blockOf(rows: readonly unknown[]): CellBlock {
  const block: { rows: Cells[]; byteCount: number } = { rows: [], byteCount: 0 }
  for (const row of rows) {
    const cells = Array.isArray(row) ? row.map(cellText) : []
    for (const cell of cells) block.byteCount += (cell?.length ?? 0) + 1
    block.rows.push(cells)
  }
  return block
}

/** ORA-03113, 03114, 03135, 12xxx: no connection, or no longer one; NJS-500 and above: thin mode's own. */
const isLost = (error: unknown): boolean =>
  isNetworkError(error) ||
  /^(?:ORA-(?:0311[34]|03135|12\d{3}|01089|00028)|NJS-5\d\d)$/.test(codeOf(error))

export function storeError(error: unknown): unknown {
  if (error instanceof Refusal) return error
  if (isLost(error)) return lostConnection(error)
  const advice = advices[codeOf(error)]
  return refusedByStore(error, advice ?? '数据源拒绝执行 / The source refused the statement')
}

const advices: Record<string, string> = {
  'ORA-01017': '用户名或密码不对 / The user or password is wrong',
  'ORA-28000': '账号已被锁定 / The account is locked',
  'ORA-00942':
    '没有这张表,或没有读取权限 / There is no such table, or the right to read is missing',
  'ORA-01031': '权限不足,请对方授予 SELECT / A right is missing; ask for SELECT',
  'ORA-00904': '没有这一列 / There is no such column',
}
