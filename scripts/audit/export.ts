import { exportMonth } from '../../src/hub/audit/export/export-month.ts'
import type { ExportMonthCall } from '../../src/hub/audit/export/export-month.ts'
import { openAuditKeys } from '../../src/hub/audit/keys.ts'
import { reachDatabase } from '../../src/hub/backup/source-database.ts'
import { loadConfig } from '../../src/hub/config.ts'
import { openDatabase } from '../../src/hub/database/connect.ts'
import { fingerprintLedger } from '../../src/hub/database/key-fingerprints.ts'
import { openKeys } from '../../src/hub/keys.ts'
import type { ExportManifest } from '../../src/shared/proofs/export-manifest.ts'

export interface ExportWish {
  month: string
  folder: string
  isWithFacts: boolean
  tell: NonNullable<ExportMonthCall['tell']>
}

/** Exports a month from the database that the hub's settings name, whether the hub runs or not. */
export async function exportFromHub(wish: ExportWish): Promise<ExportManifest> {
  const { month, folder, isWithFacts, tell } = wish
  const config = loadConfig(process.env)
  const { url, stop } = await reachDatabase(config)
  try {
    if (!isWithFacts) return await exportMonth({ url, month, folder, tell })
    const database = await openDatabase({ url })
    try {
      const keys = openAuditKeys(await openKeys(config.keysDir, fingerprintLedger(database.knex)))
      return await exportMonth({ url, month, folder, tell, keys })
    } finally {
      await database.close()
    }
  } finally {
    await stop()
  }
}
