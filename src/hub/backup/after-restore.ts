import type { ClientBase } from 'pg'

/**
 * More numbers than any resource gives between a backup and its restore (100,000 a second for 115 days),
 * and few enough that cursors of 15 digits last for hundreds of restores.
 */
export const changeNumberGap = 1_000_000_000_000

/** The same for full loads and batches of a delivery. */
const generationGap = 100_000
const batchNumberGap = 1_000_000_000

const interrupted = JSON.stringify({
  code: 'unavailable',
  message:
    '运行在备份时尚未结束,数据库已从该备份恢复;请重新运行 / The run was under way when the backup was taken that the database was restored from; run it again',
})

/**
 * What a restored database must not go on with as if nothing had happened. Each statement is one such thing.
 */
const steps: readonly { sql: string; values: unknown[] }[] = [
  // Change numbers given since the backup are lost, but followers have seen them: every cursor from
  // before lies below what is cleared and has expired, and none of the lost numbers is given again.
  {
    sql: `update hub.change_numbers set last_seq = last_seq + $1, cleared_seq = last_seq + $1`,
    values: [changeNumberGap],
  },
  // A subscriber may have been given what the hub no longer knows: the next run is a full load under a
  // number never used, which removes what is left of others.
  {
    sql: `update hub.syncs set position = null, generation = generation + $1, batch_number = batch_number + $2
          where direction = 'deliver'`,
    values: [generationGap, batchNumberGap],
  },
  // A sync's run that had begun holds a plan made for its store as it was then. Its landed rows are
  // counted and its sync's position stands, so that the next run reads what this one did not.
  {
    sql: `update hub.runs set state = 'failed', ended_at = now(), leased_until = null, leased_by = null, error = $1
          where sync is not null and (state = 'running'
            or (state = 'queued' and (started_at is not null or plan is not null or checkpoint is not null)))`,
    values: [interrupted],
  },
  // Whoever held the others is gone: stored bodies are taken up at once, the rest fails by the sweep.
  {
    sql: `update hub.runs set leased_until = case when state = 'running' and kind <> 'load'
            then now() - interval '1 second' end
          where state in ('queued', 'running')`,
    values: [],
  },
  // A session that was signed out since would be open again.
  { sql: `delete from hub.tokens where kind = 'session'`, values: [] },
]

export interface RestoreFacts {
  restoredAt: string
  /** The backup's instant. */
  takenAt: string
  manifestDigest: string
  /** Of the program that made the backup. */
  productVersion: string
  lastAuditEntry: string | null
  restoredBy: string
}

export const restoredSetting = 'restored'

/** Makes a loaded database one that a hub may go on with, and remembers the restore for the audit log. */
export async function settleRestored(owner: ClientBase, facts: RestoreFacts): Promise<void> {
  for (const { sql, values } of steps) await owner.query(sql, values)
  await owner.query(
    `insert into hub.settings (name, value) values ($1, $2)
     on conflict (name) do update set value = excluded.value, changed_at = now()`,
    [restoredSetting, JSON.stringify({ ...facts, entryId: null })],
  )
}
