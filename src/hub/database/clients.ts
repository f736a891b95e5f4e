import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { errorCode } from '../error-code.ts'
import { valueTypes } from './value-types.ts'

/** What a connection is for, with the longest that one statement may take (0: as long as it needs). */
export const purposes = {
  general: { statementMsMax: 30_000 },
  reads: { statementMsMax: 15_000 },
  bulk: { statementMsMax: 600_000 },
  audit: { statementMsMax: 30_000 },
  listen: { statementMsMax: 0 },
  leader: { statementMsMax: 0 },
  queue: { statementMsMax: 30_000 },
  migrate: { statementMsMax: 0 },
} as const

export type Purpose = keyof typeof purposes

export interface ClientOptions {
  url: string
  purpose: Purpose
  /**
   * Whether the URL leads through a transaction pooler such as PgBouncer, which refuses session settings
   * at start-up: the time limit is then held on this side only.
   */
  pooled?: boolean
}

/** What `pg` and knex both take. */
export interface ClientSettings {
  connectionString: string
  types: typeof valueTypes
  keepAlive: true
  keepAliveInitialDelayMillis: number
  connectionTimeoutMillis: number
  application_name: string
  query_timeout?: number
  statement_timeout?: number
}

/** Settings of one `pg` client: types, name, time limits, keep-alive. */
export function clientSettings({ url, purpose, pooled }: ClientOptions): ClientSettings {
  const { statementMsMax } = purposes[purpose]
  return {
    connectionString: url,
    types: valueTypes,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: 10_000,
    application_name: `shuqiao-${purpose}`,
    // Not for COPY streams, which do not tell the client that they have ended.
    ...(purpose !== 'bulk' && statementMsMax > 0 && { query_timeout: statementMsMax + 5000 }),
    ...(!pooled && statementMsMax > 0 && { statement_timeout: statementMsMax }),
  }
}

/** Codes of a database that is not there yet but may come: starting up, shutting down, not resolvable. */
const passingCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EPIPE',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08006',
  '08001',
  '08003',
])

/** Whether the same connection attempt may succeed a little later (unlike a wrong password). */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.some(isPassing)
  const code = errorCode(error)
  if (code !== undefined) return passingCodes.has(code)
  return /timeout|terminated/i.test(error.message)
}

/**
 * One connected client. While the database is starting or unreachable it tries again for `patienceMs`;
 * a fault that will not pass (password, unknown database) is thrown at once.
 */
export async function connectClient(
  options: ClientOptions & { patienceMs?: number },
): Promise<Client> {
  const giveUpAt = Date.now() + (options.patienceMs ?? 0)
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    const client = new Client(clientSettings(options))
    // Without a listener the loss of an idle connection would end the process.
    client.on('error', () => undefined)
    try {
      await client.connect()
      return client
    } catch (error) {
      await client.end().catch(() => undefined)
      if (!isPassing(error) || Date.now() + pauseMs > giveUpAt) throw error
    }
    await sleep(pauseMs)
  }
}
