import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { v7 as createId } from 'uuid'
import { openDetails, sealDetails } from '../../../../src/hub/audit/details.ts'
import { buildEntry } from '../../../../src/hub/audit/entry.ts'
import { exportMonth } from '../../../../src/hub/audit/export/export-month.ts'
import { insertEntries } from '../../../../src/hub/audit/insert-entries.ts'
import { eraseFacts } from '../../../../src/hub/audit/redact-entry.ts'
import { redactionStore } from '../../../../src/hub/audit/redaction-store.ts'
import { readOrigin } from '../../../../src/hub/audit/sealed/seal-keys.ts'
import { type Sealer, startSealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { ed25519Signer, type NoteSigner } from '../../../../src/hub/audit/sealed/sign-note.ts'
import { connectClient } from '../../../../src/hub/database/clients.ts'
import { silentLog } from '../../../../src/hub/database/log.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { entryKeys, keys, readFacts } from '../audit-samples.ts'

/** A signer under the log's name, with a key that is new. */
export const newSigner = (origin: string): NoteSigner =>
  ed25519Signer(origin, generateKeyPairSync('ed25519').privateKey)

/** A log on a database of its own, whose months are made by the ids of its entries. */
export interface TestLog {
  own: TestDatabase
  folder: string
  origin: string
  signer: NoteSigner
  /** Adds entries of given instants, one transaction; answers their ids. */
  add(instants: readonly (string | number)[]): Promise<string[]>
  /** Seals all that waits; answers the last checkpoint. */
  seal(): Promise<{ size: number; note: string }>
  export(month: string, isWithFacts?: boolean): Promise<string>
  close(): Promise<void>
}

export async function openTestSealedLog(): Promise<TestLog> {
  const own = await createTestDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'shuqiao-export-'))
  const { pool } = own.database
  const origin = await readOrigin(pool)
  const signer = newSigner(origin)
  let exportCount = 0
  return {
    own,
    folder,
    origin,
    signer,
    add: async (instants) => {
      const ids = instants.map((at) => createId({ msecs: new Date(at).getTime() }))
      const entries = ids.map((id, index) =>
        buildEntry(id, readFacts({ caseNumber: `办件${index}` }), entryKeys),
      )
      const client = await connectClient({ url: own.urls.app, purpose: 'audit' })
      await insertEntries(client, entries, false)
      await client.end()
      return ids
    },
    seal: async () => {
      const sealer = sealWith(own, origin, signer)
      try {
        return await untilSealed()
      } finally {
        await sealer.close()
      }
    },
    export: async (month, isWithFacts = false) => {
      const target = join(folder, `${month}-${(exportCount += 1)}`)
      const url = own.urls.app
      await exportMonth({ url, month, folder: target, ...(isWithFacts && { keys }) })
      return target
    },
    close: async () => {
      await own.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }

  async function untilSealed(): Promise<{ size: number; note: string }> {
    for (;;) {
      const { rows } = await pool.query<{ size: number; note: string; waits: number }>(
        `select size, note, (select count(*) from audit.entries) - size as waits
         from audit.checkpoints order by size desc limit 1`,
      )
      const [last] = rows
      if (last?.waits === 0) return { size: last.size, note: last.note }
      await sleep(20)
    }
  }
}

const sealWith = (own: TestDatabase, origin: string, signer: NoteSigner): Sealer =>
  startSealer({
    openClient: () => connectClient({ url: own.urls.sealer, purpose: 'leader' }),
    origin: origin,
    signers: [signer],
    log: silentLog,
  })

/** Takes facts out of the entry at a position, as two persons do it. */
export async function redactIn(
  { own: { database } }: TestLog,
  position: number,
  names: readonly string[],
): Promise<void> {
  const { rows } = await database.pool.query<{ entry: string; details: Buffer }>(
    `select entry, details from audit.leaves join audit.search on search.id = leaves.entry where position = $1`,
    [position],
  )
  const [found] = rows
  if (!found) throw new Error(`nothing at ${position}`)
  const { entry, details: detailsSeen } = found
  const { facts, salts, erased } = eraseFacts(openDetails(entryKeys.details, detailsSeen), names)
  const redactions = redactionStore(database.knex)
  const id = createId()
  const instrument = { kind: '判决', number: '(2026)测01行终1号', title: '示例行政判决书' }
  await redactions.insert({
    id,
    entry,
    facts: names,
    instrument,
    reason: '测试',
    requestedBy: 'auditor-1',
  })
  const detailsLeft = sealDetails(entryKeys.details, facts, salts)
  // Each redaction is told of in an entry of its own; the log of these tests has others to spare.
  const told = await database.pool.query<{ entry: string }>(
    `select entry from audit.leaves
     where entry not in (select told_in from audit.redactions) order by position limit 1`,
  )
  const toldIn = told.rows[0]?.entry ?? ''
  await redactions.execute({ id, officer: 'admin', detailsSeen, detailsLeft, erased, toldIn })
}

/** So many instants, a minute apart. */
export const minutesFrom = (start: string, count: number): number[] =>
  Array.from({ length: count }, (_, index) => new Date(start).getTime() + index * 60_000)
