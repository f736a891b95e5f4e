import { join } from 'node:path'
import type { Client } from 'pg'
import { openAuditKeys } from '../audit/keys.ts'
import { openAuditLog } from '../audit/log.ts'
import type { Config } from '../config.ts'
import { connectClient } from '../database/clients.ts'
import { openDatabase } from '../database/connect.ts'
import { fingerprintLedger } from '../database/key-fingerprints.ts'
import { provideDatabase } from '../database/provide.ts'
import { openKeys } from '../keys.ts'
import { StartRefusal } from '../start-refusal.ts'
import { type RestoreFacts, settleRestored } from './after-restore.ts'
import { copyKeys, refuseOtherKeys } from './keys-folder.ts'
import { loadHubTables, loadRecordTables, setSequences } from './load-tables.ts'
import { keysName, type OpenedManifest } from './manifest.ts'
import { noteRestore } from './note-restore.ts'
import { createTally, type TellProgress } from './progress.ts'
import {
  applyMigration,
  emptyTarget,
  holdMigrations,
  makeMonths,
  makeSchema,
  type MigrationPlan,
  planMigrations,
  unmark,
} from './restore-schema.ts'
import { inOne, openCopyClient } from './snapshot.ts'
import { verifyBackup } from './verify-backup.ts'

/*
 *   every file verified ─▶ target empty? ─▶ schema + mark ─▶ record tables ─▶ the rest, settled, mark off
 *                               │ no            commit       commit of each          commit
 *                               └─▶ refused        └── fails: marked, every hub refuses; restoring again
 *                                                      empties the target and begins anew
 */
export interface RestoreCall {
  folder: string
  config: Pick<Config, 'database' | 'dataDir' | 'keysDir'>
  restoredBy: string
  tell?: TellProgress
}

export interface Restored {
  opened: OpenedManifest
  /** Null: the keys are not here yet, and the hub writes it at its next start. */
  auditEntry: string | null
}

/**
 * Restores a backup into an empty database: the configured one, else a new embedded one in the data folder.
 * Nothing is written before every file has been verified. Refuses (`StartRefusal`) a broken or changed
 * backup, one of a newer program, a target that is not empty, and a keys folder with other keys.
 */
export async function restoreBackup(call: RestoreCall): Promise<Restored> {
  const { folder, config } = call
  const opened = await verifyBackup(folder, call.tell)
  const plan = planMigrations(opened.manifest.migrations)
  const { keyFiles: names } = opened.manifest
  const keys = { from: join(folder, keysName), to: config.keysDir, names }
  refuseOtherKeys(keys)
  const provided = await provideDatabase(config)
  try {
    const { urls } = provided
    await restoreDatabase({ ...call, opened, plan, urls })
    if (names.length > 0) copyKeys(keys)
    return { opened, auditEntry: await writeEntry(urls.direct, config.keysDir) }
  } finally {
    await provided.stop()
  }
}

interface DatabaseRestore extends RestoreCall {
  opened: OpenedManifest
  plan: MigrationPlan
  urls: { migration: string; direct: string }
}

/** Record tables belong to the hub's own role, which alters them with each revision; the rest to the owner. */
async function restoreDatabase(restore: DatabaseRestore): Promise<void> {
  const { manifest, digest } = restore.opened
  const { tables } = manifest
  const weight = tables.reduce((sum, { bytes }) => sum + bytes, 0)
  const tell = restore.tell ?? (() => undefined)
  const tally = createTally('loading', { tables: tables.length, weight }, tell)
  const load = { folder: restore.folder, tables, tally }
  await withClient(restore.urls.migration, async (owner) => {
    await holdMigrations(owner)
    await emptyTarget(owner)
    await inOne(owner, () => makeSchema(owner, restore.plan))
    await withClient(restore.urls.direct, (app) => loadRecordTables(app, load))
    await inOne(owner, async () => {
      await makeMonths(owner, manifest)
      await loadHubTables(owner, load)
      await setSequences(owner, manifest)
      for (const file of restore.plan.after) await applyMigration(owner, file)
      await settleRestored(owner, factsOf(restore, digest))
      await unmark(owner)
    })
  })
}

function factsOf({ opened, restoredBy }: DatabaseRestore, manifestDigest: string): RestoreFacts {
  const { takenAt, productVersion, lastAuditEntry } = opened.manifest
  const restoredAt = new Date().toISOString()
  return { restoredAt, takenAt, manifestDigest, productVersion, lastAuditEntry, restoredBy }
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await openCopyClient(url)
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Null where this host has not got the keys of the restored database. */
async function writeEntry(url: string, keysDir: string): Promise<string | null> {
  const database = await openDatabase({ url })
  try {
    const keys = await openKeys(keysDir, fingerprintLedger(database.knex))
    const openClient = () => connectClient({ url, purpose: 'audit' })
    const auditLog = openAuditLog({ keys: openAuditKeys(keys), openClient })
    try {
      return await noteRestore(database.pool, auditLog)
    } finally {
      await auditLog.close()
    }
  } catch (error) {
    if (error instanceof StartRefusal) return null
    throw error
  } finally {
    await database.close()
  }
}
