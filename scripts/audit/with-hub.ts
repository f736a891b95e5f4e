import { openAuditKeys } from '../../src/hub/audit/keys.ts'
import { type OpenAuditLog, openAuditLog } from '../../src/hub/audit/log.ts'
import { reachDatabase } from '../../src/hub/backup/source-database.ts'
import { loadConfig } from '../../src/hub/config.ts'
import { connectClient } from '../../src/hub/database/clients.ts'
import { type Database, openDatabase } from '../../src/hub/database/connect.ts'
import { fingerprintLedger } from '../../src/hub/database/key-fingerprints.ts'
import { openKeys } from '../../src/hub/keys.ts'

export interface Reached {
  url: string
  database: Database
  keysDir: string
}

/** The hub's database as the settings name it, whether the hub runs or not; left as it was found. */
export async function withHub(work: (reached: Reached) => Promise<void>): Promise<void> {
  const config = loadConfig(process.env)
  const reached = await reachDatabase(config)
  try {
    const database = await openDatabase({ url: reached.url })
    try {
      await work({ url: reached.url, database, keysDir: config.keysDir })
    } finally {
      await database.close()
    }
  } finally {
    await reached.stop()
  }
}

/** The hub's log and its keys, for what a command does that belongs into the log. */
export async function withLog(
  { url, database, keysDir }: Reached,
  work: (log: OpenAuditLog, keys: ReturnType<typeof openAuditKeys>) => Promise<void>,
): Promise<void> {
  const keys = openAuditKeys(await openKeys(keysDir, fingerprintLedger(database.knex)))
  const log = openAuditLog({ keys, openClient: () => connectClient({ url, purpose: 'audit' }) })
  try {
    await work(log, keys)
  } finally {
    await log.close()
  }
}
