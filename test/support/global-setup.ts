import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { startEmbedded } from '../../src/hub/database/embedded.ts'
import { testSettings } from '../../src/hub/database/embedded-settings.ts'
import { endLeftovers } from '../../src/hub/database/embedded-leftovers.ts'
import { lockFolder } from '../../src/hub/database/folder-lock.ts'
import { migrate } from '../../src/hub/database/migrate.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: { superuserUrl: string; urls: { owner: string; app: string; sealer: string } }
  }
}

/** The database that every test database is a copy of: migrated, with nothing in it. */
export const templateName = 'shuqiao_template'

const folderPrefix = 'shuqiao-test-'

/** One PostgreSQL for the whole run, in a folder of its own, with a migrated database to copy from. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  await removeAbandoned()
  const dataDir = mkdtempSync(join(tmpdir(), folderPrefix))
  const embedded = await startEmbedded({ dataDir, settings: testSettings })
  const teardown = async (): Promise<void> => {
    await embedded.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  // Tests without a database still run; those with one find the template only as far as it came.
  await createTemplate(embedded.superuserUrl, embedded.urls.owner).catch((error: unknown) => {
    console.error('The template of the test databases is incomplete:', String(error))
  })
  project.provide('postgres', { superuserUrl: embedded.superuserUrl, urls: embedded.urls })
  return teardown
}

/** A run that was killed leaves its PostgreSQL behind; the folder's lock tells it from one that runs. */
async function removeAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((name) => name.startsWith(folderPrefix))) {
    const folder = join(tmpdir(), name)
    const clusterDir = join(folder, 'postgres')
    if (!existsSync(join(clusterDir, 'postmaster.pid'))) continue
    const lock = await lockFolder(folder).catch(() => undefined)
    if (!lock) continue
    await endLeftovers(clusterDir, 0)
    rmSync(folder, { recursive: true, force: true })
    await lock.release()
  }
}

async function createTemplate(superuserUrl: string, ownerUrl: string): Promise<void> {
  const client = new Client({ connectionString: superuserUrl })
  await client.connect()
  await client.query(`create database ${templateName} owner shuqiao_owner`)
  await client.end()
  const url = new URL(ownerUrl)
  url.pathname = `/${templateName}`
  await migrate({ url: url.href })
}
