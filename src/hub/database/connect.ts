import knex, { type Knex } from 'knex'
import { type Client, Pool, type PoolClient } from 'pg'
import { type ClientOptions, clientSettings, connectClient, type Purpose } from './clients.ts'
import { type Log, silentLog } from './log.ts'

export interface ConnectOptions {
  url: string
  /** Leads past a transaction pooler to the server itself; `url` where it is not given. */
  directUrl?: string | undefined
  /** Connections at most, each. */
  poolMax?: { general?: number; reads?: number; bulk?: number }
  /** How long to wait for a database that is starting, in milliseconds. */
  patienceMs?: number
  log?: Log
}

export interface Database {
  /** Simple reads and writes, and transactions of the catalog. */
  knex: Knex
  /** Hot reads with named prepared statements, which knex lacks. */
  pool: Pool
  /** Direct connections for COPY, merges and advisory locks. */
  bulkPool: Pool
  url: string
  directUrl: string
  /** A direct connection of one's own, outside every pool; whoever opens it ends it. */
  openClient(purpose: Purpose): Promise<Client>
  close(): Promise<void>
}

const poolMaxDefaults = { general: 10, reads: 10, bulk: 6 }

/** Opens the pools, having waited until the database answers. */
export async function openDatabase(options: ConnectOptions): Promise<Database> {
  const { url, directUrl = url, log = silentLog } = options
  const patienceMs = options.patienceMs ?? 30_000
  const first = await connectClient({ url, purpose: 'general', patienceMs, pooled: true })
  await first.end()
  const poolMax = { ...poolMaxDefaults, ...options.poolMax }
  const pooled = directUrl !== url
  const pool = openPool({ url, purpose: 'reads', pooled }, poolMax.reads, log)
  const bulkPool = openPool({ url: directUrl, purpose: 'bulk' }, poolMax.bulk, log)
  const general = openKnex({ url, purpose: 'general', pooled }, poolMax.general, log)
  return {
    knex: general,
    pool,
    bulkPool,
    url,
    directUrl,
    openClient: (purpose) => connectClient({ url: directUrl, purpose, patienceMs }),
    close: async () => {
      await Promise.all([general.destroy(), pool.end(), bulkPool.end()])
    },
  }
}

function openKnex(options: ClientOptions, max: number, log: Log): Knex {
  const warn = (message: unknown): void => log.warn({ message: String(message) }, 'knex')
  return knex({
    client: 'pg',
    log: { warn, error: warn, deprecate: warn, debug: () => undefined },
    connection: () => clientSettings(options),
    pool: { min: 0, max },
    acquireConnectionTimeout: 10_000,
  })
}

/** A pool of its own, whose idle clients may be lost without ending the process. */
export function openPool(options: ClientOptions, max: number, log: Log = silentLog): Pool {
  const pool = new Pool({ ...clientSettings(options), max, idleTimeoutMillis: 60_000 })
  pool.on('error', (error) => {
    log.warn({ purpose: options.purpose, error: error.message }, 'an idle connection was lost')
  })
  // The pool listens to idle clients only. One that is lost while it is lent out, between two statements,
  // would end the process; its borrower learns of it from the next statement.
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  return pool
}

/** Runs `work` in one transaction of a pool; whatever it throws rolls everything back. */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    // A connection that cannot roll back is thrown away rather than handed to the next.
    await client.query('rollback').catch((fault: Error) => (broken = fault))
    throw error
  } finally {
    client.release(broken)
  }
}
