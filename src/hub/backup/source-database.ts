import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { connectClient } from '../database/clients.ts'
import { readPostmasterFile } from '../database/embedded-leftovers.ts'
import { embeddedRoles, readPasswords, urlOf } from '../database/embedded-roles.ts'
import { provideDatabase } from '../database/provide.ts'
import { StartRefusal } from '../start-refusal.ts'

export interface ReachedDatabase {
  /** Connects as the hub does, past any pooler. */
  url: string
  /** Whether it was started for the occasion. */
  isStarted: boolean
  stop(): Promise<void>
}

/**
 * The hub's database as it stands: the configured one; else the embedded one of the data folder, that of
 * the running hub where one runs, else started until `stop`. Refuses a data folder without a hub: starting
 * PostgreSQL there would make an empty one and back that up.
 */
export async function reachDatabase(
  config: Pick<Config, 'database' | 'dataDir'>,
): Promise<ReachedDatabase> {
  const { database, dataDir } = config
  if (database.url === undefined) {
    const clusterDir = findCluster(dataDir)
    const running = await findRunning(dataDir, clusterDir)
    if (running !== null) return { url: running, isStarted: false, stop: () => Promise.resolve() }
  }
  const provided = await provideDatabase(config)
  return {
    url: provided.urls.direct,
    isStarted: provided.isEmbedded,
    stop: () => provided.stop(),
  }
}

/** Where the data folder's cluster lies: under it, or where root's cluster was moved to. */
function findCluster(dataDir: string): string {
  const note = join(dataDir, 'postgres-moved-to')
  const clusterDir = existsSync(note)
    ? join(readFileSync(note, 'utf8').trim(), 'data')
    : join(dataDir, 'postgres')
  if (existsSync(join(clusterDir, 'PG_VERSION'))) return clusterDir
  throw new StartRefusal(
    `数据目录 ${dataDir} 里没有数桥的数据库。请用 SHUQIAO_DATA_DIR 指定数据目录,或用 SHUQIAO_DATABASE_URL 指定数据库。` +
      ` / Data folder ${dataDir} holds no database of Shuqiao. Name the folder in SHUQIAO_DATA_DIR or the database in SHUQIAO_DATABASE_URL.`,
  )
}

/** The running server's own note names its port; a stale note leads to nothing that takes our password. */
async function findRunning(dataDir: string, clusterDir: string): Promise<string | null> {
  const port = Number(readPostmasterFile(clusterDir)[3])
  if (!Number.isInteger(port) || port <= 0) return null
  if (!existsSync(join(dataDir, 'postgres-passwords.json'))) return null
  const url = urlOf(embeddedRoles.app, readPasswords(dataDir).app, port)
  try {
    const client = await connectClient({ url, purpose: 'migrate' })
    await client.end()
    return url
  } catch {
    return null
  }
}
