import { connect, type Socket } from 'node:net'
import type { Connection, ConnectionOptions } from 'mysql2'
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import { codeOf, isNetworkError, lostConnection, refusedByStore } from '../sql/lost.ts'
import { serverUrl } from '../sql/server-url.ts'

const connectMsMax = 10_000

/**
 * Reading must not stumble over dates that a strict mode would refuse to compare (zero dates); writing
 * must, since a lenient server cuts texts short without a word.
 */
const modes = { read: '', write: 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION' } as const
export type SessionMode = keyof typeof modes

export function connectionOptions({ url, tls }: ServerSettings): ConnectionOptions {
  const { host, port, user, password, path } = serverUrl(url, ['mysql', 'mariadb'], 3306)
  return {
    host,
    port,
    user,
    password,
    ...(path && { database: path }),
    ...(tls && {
      ssl: {
        ...(tls.ca !== undefined && { ca: tls.ca }),
        rejectUnauthorized: tls.verify !== false,
        verifyIdentity: tls.verify !== false,
      },
    }),
    charset: 'utf8mb4',
    connectTimeout: connectMsMax,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    // MariaDB says of a text column with a JSON check that it is JSON.
    jsonStrings: true,
    // Counts of an update are of rows found, as in other stores.
    flags: ['+FOUND_ROWS'],
  }
}

/**
 * A connection whose session does not depend on the server's settings: UTC, utf8mb4, a known mode. The driver is
 * loaded here: whoever only asks what this connector takes needs none.
 */
export async function connectMysql(
  settings: ServerSettings,
  mode: SessionMode,
  signal?: AbortSignal,
): Promise<Connection> {
  const { createConnection } = await import('mysql2')
  signal?.throwIfAborted()
  const options = connectionOptions(settings)
  const socket = connect({ host: options.host ?? 'localhost', port: options.port ?? 3306 })
  socket.setKeepAlive(true, 10_000)
  const connection = createConnection({ ...options, stream: socket })
  sockets.set(connection, socket)
  // A connection that breaks between statements must not end the process; the next statement tells.
  connection.on('error', () => undefined)
  const stop = (): void => endNow(connection)
  signal?.addEventListener('abort', stop, { once: true })
  connection.once('end', () => signal?.removeEventListener('abort', stop))
  try {
    await new Promise<void>((settle, fail) =>
      connection.connect((error) => (error ? fail(error) : settle())),
    )
    await run(connection, `set time_zone = '+00:00', sql_mode = '${modes[mode]}'`)
    // A consumer may be slow on purpose (rows per second): the server's minute of patience is too short.
    await run(connection, 'set session net_write_timeout = 3600')
    return connection
  } catch (error) {
    endNow(connection)
    signal?.throwIfAborted()
    throw storeError(error)
  }
}

const sockets = new WeakMap<Connection, Socket>()

/**
 * Ends the connection whatever it is doing. The driver's own `destroy` only says that nothing more will be
 * sent, and leaves a server waiting that still has rows to send.
 */
export function endNow(connection: Connection): void {
  connection.destroy()
  sockets.get(connection)?.destroy()
}

/** Ends the connection and, by another one, the statement that the server may still be busy with. */
export function endStatement(connection: Connection, settings: ServerSettings): void {
  const { threadId } = connection
  endNow(connection)
  if (!Number.isInteger(threadId)) return
  void connectMysql(settings, 'read')
    .then((other) => run(other, `kill ${threadId}`).finally(() => endNow(other)))
    .catch(() => undefined)
}

/** The driver's own answer to one statement: rows, or what it changed. */
export const run = (
  connection: Connection,
  text: string,
  values: readonly unknown[] = [],
): Promise<unknown> =>
  new Promise((settle, fail) => {
    connection.query({ sql: text, values: [...values] }, (error, answer) =>
      error ? fail(error) : settle(answer),
    )
  })

const lostCodes = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'ER_CON_COUNT_ERROR',
  'ER_SERVER_SHUTDOWN',
  'ER_CONNECTION_KILLED',
  'ER_QUERY_INTERRUPTED',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_LOCK_DEADLOCK',
  'ER_NEW_ABORTING_CONNECTION',
])

export const isLost = (error: unknown): boolean =>
  isNetworkError(error) ||
  lostCodes.has(codeOf(error)) ||
  (error instanceof Error && /closed state|connection lost|was killed/i.test(error.message))

/** What a driver's error means for a run: lost or overloaded is tried again, the rest is refused. */
export function storeError(error: unknown): unknown {
  if (error instanceof Refusal) return error
  if (isLost(error)) return lostConnection(error)
  const code = codeOf(error)
  return code.startsWith('ER_')
    ? refusedByStore(error, advices[code] ?? '数据源拒绝执行 / The source refused the statement')
    : error
}

const advices: Record<string, string> = {
  ER_ACCESS_DENIED_ERROR: '用户名或密码不对 / The user or password is wrong',
  ER_HOST_NOT_PRIVILEGED: '服务器不允许从本机登录 / The server lets nobody sign in from here',
  ER_DBACCESS_DENIED_ERROR: '没有这个库的权限 / There is no right to this database',
  ER_BAD_DB_ERROR: '没有这个库 / There is no such database',
  ER_TABLEACCESS_DENIED_ERROR:
    '没有读取权限,请对方授予 SELECT / The right to read is missing; ask for SELECT',
  ER_NO_SUCH_TABLE: '没有这张表或视图 / There is no such table or view',
  ER_BAD_FIELD_ERROR: '没有这一列 / There is no such column',
}
