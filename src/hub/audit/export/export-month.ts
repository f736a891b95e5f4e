import { Pool } from 'pg'
import type { ExportManifest } from '../../../shared/proofs/export-manifest.ts'
import { clientSettings, connectClient } from '../../database/clients.ts'
import type { AuditKeys } from '../keys.ts'
import { readSource } from './export-source.ts'
import { type ExportCall, writeExport } from './write-export.ts'

export interface ExportMonthCall extends ExportCall {
  /** Of a direct connection that may read the log: the hub's own. */
  url: string
  /** `2026-11`, UTC. */
  month: string
  /** Given where what the entries say is to be written out: personal data. */
  keys?: AuditKeys | undefined
}

const connectionsMax = 4

/** Exports one month of a hub's log, whether the hub runs or not. Throws `StartRefusal`. */
export async function exportMonth(call: ExportMonthCall): Promise<ExportManifest> {
  const { url, month, keys } = call
  const client = await connectClient({ url, purpose: 'leader' })
  const pool = new Pool({ ...clientSettings({ url, purpose: 'reads' }), max: connectionsMax })
  pool.on('error', () => undefined)
  try {
    return await writeExport(await readSource({ client, pool, month, keys }), call)
  } finally {
    await pool.end()
    await client.end()
  }
}
