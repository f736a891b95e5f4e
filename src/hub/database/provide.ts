import type { Config } from '../config.ts'
import { startEmbedded } from './embedded.ts'
import { type Log, silentLog } from './log.ts'

/** The connection URLs of the hub's database, by what they are for. */
export interface DatabaseUrls {
  app: string
  /** Past a transaction pooler. */
  direct: string
  migration: string
  sealer: string
}

export interface ProvidedDatabase {
  urls: DatabaseUrls
  /** Whether PostgreSQL is our own child, stopped by `stop`. */
  isEmbedded: boolean
  stop(): Promise<void>
}

/** The database that the settings name, else the embedded one, started. Migrates nothing. */
export async function provideDatabase(
  { database, dataDir }: Pick<Config, 'database' | 'dataDir'>,
  log: Log = silentLog,
): Promise<ProvidedDatabase> {
  if (database.url !== undefined) {
    const direct = database.directUrl ?? database.url
    const { migrationUrl = direct, sealerUrl = direct } = database
    const urls = { app: database.url, direct, migration: migrationUrl, sealer: sealerUrl }
    return { urls, isEmbedded: false, stop: () => Promise.resolve() }
  }
  const embedded = await startEmbedded({ dataDir, log })
  const { owner, app, sealer } = embedded.urls
  return {
    urls: { app, direct: app, migration: owner, sealer },
    isEmbedded: true,
    stop: () => embedded.stop(),
  }
}
