import type pg from 'pg'
import { v7 as newId } from 'uuid'
import type { AuditLog } from '../audit/facts.ts'
import { inTransaction } from '../database/connect.ts'
import { type RestoreFacts, restoredSetting } from './after-restore.ts'

/**
 * Writes the audit entry `hub.restored` of a restore that has none yet; answers its id, or null where there
 * is nothing to write. Called by the restore, which may lack the keys, and by every start of the hub.
 */
export const noteRestore = (pool: pg.Pool, auditLog: AuditLog): Promise<string | null> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ value: RestoreFacts }>(
      `select value - 'entryId' as value from hub.settings where name = $1 and value ->> 'entryId' is null
       for update skip locked`,
      [restoredSetting],
    )
    const facts = rows[0]?.value
    if (facts === undefined) return null
    const { id } = await auditLog.append({
      operation: 'hub.restored',
      outcome: 'allowed',
      requestId: newId(),
      requestedAt: new Date(facts.restoredAt),
      operator: facts.restoredBy,
      note: { ...facts },
    })
    await client.query(
      `update hub.settings set value = value || jsonb_build_object('entryId', $2::text) where name = $1`,
      [restoredSetting, id],
    )
    return id
  })
