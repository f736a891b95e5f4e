import { Client, type ClientConfig } from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { isNetworkError, codeOf, lostConnection, refusedByStore } from '../sql/lost.ts'
import { serverUrl } from '../sql/server-url.ts'

/** Texts as the server writes them; no value passes through a JavaScript number or date. */
const asText = { getTypeParser: () => (text: string) => text }

const connectMsMax = 10_000

/** Stores that speak PostgreSQL's protocol in another version lack some of these: each is tried alone. */
const sessionSettings = [
  "set timezone = 'UTC'",
  "set datestyle = 'ISO, YMD'",
  "set intervalstyle = 'iso_8601'",
  'set standard_conforming_strings = on',
  // Shortest exact text of floating-point numbers, also before PostgreSQL 12.
  'set extra_float_digits = 3',
  // A statement ends by itself once its client has gone (PostgreSQL 14).
  "set client_connection_check_interval = '2s'",
]

export function clientConfig({ url, tls }: ServerSettings): ClientConfig {
  const { parameters, host, port, user, password, path } = serverUrl(
    url,
    ['postgres', 'postgresql'],
    5432,
  )
  const mode = parameters.get('sslmode') ?? 'disable'
  const isPlain = !tls && (mode === 'disable' || mode === 'allow' || mode === 'prefer')
  return {
    host: parameters.get('host') ?? host,
    port,
    user,
    password,
    database: path === '' ? user : path,
    ssl: isPlain
      ? false
      : { ca: tls?.ca, rejectUnauthorized: tls?.verify !== false, servername: host },
    connectionTimeoutMillis: connectMsMax,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'shuqiao',
    types: asText,
  }
}

/** A connection whose texts do not depend on the server's settings. Refuses as `storeError` says. */
export async function connectClient(
  settings: ServerSettings,
  signal?: AbortSignal,
): Promise<Client> {
  signal?.throwIfAborted()
  const client = new Client(clientConfig(settings))
  // A connection that breaks between statements must not end the process; the next statement tells.
  client.on('error', () => undefined)
  const stop = (): void => endNow(client)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await client.connect()
    await applySettings(client)
    return client
  } catch (error) {
    endNow(client)
    signal?.throwIfAborted()
    throw storeError(error)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** All at once; where the store lacks one of them, each by itself. */
async function applySettings(client: Client): Promise<void> {
  try {
    await client.query(sessionSettings.join('; '))
  } catch (error) {
    ignoreUnknownSetting(error)
    for (const setting of sessionSettings) await client.query(setting).catch(ignoreUnknownSetting)
  }
}

function ignoreUnknownSetting(error: unknown): void {
  if (isLost(error)) throw error
}

/** Ends the connection whatever it is doing; the server notices and ends its statement. */
export function endNow(client: Client): void {
  client.connection.stream.destroy()
}

export const isLost = (error: unknown): boolean =>
  isNetworkError(error) ||
  /^(?:08|57P0)/.test(codeOf(error)) ||
  (error instanceof Error &&
    /connection terminated|timeout expired|not queryable|client was closed/i.test(error.message))

/** Full disk, no memory, too many connections, a conflict on a standby, a time-out: it passes. */
const passes = (code: string): boolean => /^(?:40|53|57|58)/.test(code)

/** What a driver's error means for a run: lost or overloaded is tried again, the rest is refused. */
export function storeError(error: unknown): unknown {
  if (error instanceof Refusal) return error
  const code = codeOf(error)
  if (isLost(error) || passes(code)) return lostConnection(error)
  const advice = Object.entries(advices).find(([prefix]) => code.startsWith(prefix))?.[1]
  return advice === undefined && !/^[0-9A-Z]{5}$/.test(code)
    ? error
    : refusedByStore(error, advice ?? otherAdvice)
}

export const advices: Record<string, string> = {
  '28': '用户名或密码不对,或服务器不允许从本机登录 / The user or password is wrong, or the server lets nobody sign in from here',
  '3D': '没有这个数据库 / There is no such database',
  '42501': '没有读取权限,请对方授予 SELECT / The right to read is missing; ask for SELECT',
  '42P01': '没有这张表或视图 / There is no such table or view',
  '42703': '没有这一列 / There is no such column',
  '22': '游标或范围的值与列的类型不符 / A value of the cursor or range does not fit its column',
}

const otherAdvice = '数据源拒绝执行 / The source refused the statement'
