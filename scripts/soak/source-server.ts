import { Client } from 'pg'
import { startEmbedded } from '../../src/hub/database/embedded.ts'
import { testSettings } from '../../src/hub/database/embedded-settings.ts'

/** A PostgreSQL of the department's own, apart from the hub's. */
export interface SourceServer {
  port: number
  /** A database on it, reached directly or through another port. */
  urlOf(database: string, port?: number): string
  stop(): Promise<void>
}

/** Starts a server with an empty database for the source and one for the subscriber. */
export async function sourceServer(dataDir: string): Promise<SourceServer> {
  const embedded = await startEmbedded({ dataDir, settings: testSettings })
  for (const name of ['source', 'target']) {
    await runSql(embedded.superuserUrl, `create database ${name}`)
  }
  return {
    port: embedded.port,
    urlOf: (database, port = embedded.port) =>
      Object.assign(new URL(embedded.superuserUrl), { pathname: `/${database}`, port: `${port}` })
        .href,
    stop: () => embedded.stop(),
  }
}

/** One statement, or several without parameters, on a connection of its own. */
export async function runSql<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const answer = await client.query<Row>(sql)
    return answer.rows ?? []
  } finally {
    await client.end()
  }
}
