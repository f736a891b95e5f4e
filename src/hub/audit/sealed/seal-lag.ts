import type { Pool } from 'pg'
import { instantOfId } from '../entry.ts'

/** How far the seal may lie behind the calls before nothing more is given out unsealed (`audit.md`, 10). */
export const sealLagLimits = {
  unsealedEntriesMax: 1_000_000,
  waitingSecondsMax: 600,
  /** The share of a limit from which readiness warns. */
  warnShare: 0.7,
} as const

export interface SealLag {
  /** Entries that no checkpoint covers, counted up to a little more than the limit. */
  unsealedEntries: number
  /** Since when the oldest of them waits, or since the last checkpoint if that is shorter; 0 where none waits. */
  waitingSeconds: number
  /** How many entries the last checkpoint covers. */
  checkpointSize: number
}

/** The share of the limits that is used up: 1 is the end. */
export const shareOfLimits = ({ unsealedEntries, waitingSeconds }: SealLag): number =>
  Math.max(
    unsealedEntries / sealLagLimits.unsealedEntriesMax,
    waitingSeconds / sealLagLimits.waitingSecondsMax,
  )

interface LagRow {
  unsealed: number
  size: number | null
  signedMs: number | null
  nowMs: number
  oldestPending: string | null
  oldestUnsigned: string | null
}

/**
 * An idle log's last checkpoint may be of yesterday, and an id's time is that of another machine's clock: what
 * waits cannot have waited longer than both say.
 */
export async function readSealLag(pool: Pick<Pool, 'query'>): Promise<SealLag> {
  const { rows } = await pool.query<LagRow>({
    name: 'seal-lag',
    text: `with pending as materialized (select id from audit.pending limit $1),
        signed as (select size, signed_at from audit.checkpoints order by size desc limit 1)
      select (select count(*) from pending) + tree.size - coalesce(signed.size, 0) as unsealed,
        signed.size, (extract(epoch from signed.signed_at) * 1000)::float8 as "signedMs",
        (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
        (select id from pending order by id limit 1) as "oldestPending",
        (select entry from audit.leaves where position = coalesce(signed.size, 0)) as "oldestUnsigned"
      from audit.tree left join signed on true`,
    values: [sealLagLimits.unsealedEntriesMax + 1],
  })
  const [row] = rows
  if (row === undefined) throw new Error('audit.tree is empty')
  return {
    unsealedEntries: row.unsealed,
    waitingSeconds: waitingSeconds(row),
    checkpointSize: row.size ?? 0,
  }
}

function waitingSeconds({ signedMs, nowMs, oldestPending, oldestUnsigned }: LagRow): number {
  const waiting = [oldestPending, oldestUnsigned].filter((id) => id !== null).map(instantOfId)
  if (waiting.length === 0) return 0
  const sinceMs = Math.max(signedMs ?? 0, Math.min(...waiting))
  return Math.max(0, (nowMs - sinceMs) / 1000)
}
