import type { ClientBase, Pool } from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import type { CommittedBatch } from './push-rows.ts'

/** What is known of an idempotency key. */
export interface KnownKey {
  runId: string
  requestDigest: Buffer
  bodyDigest: Buffer | null
}

/**
 * Idempotency keys of one caller (`scope`): a key stands for one request (path, query, media type) and
 * one body. Kept for the days of the setting. The answer is not kept: it follows from the run, and the
 * rejects in it are personal data that lie sealed in one place only.
 */
export function idempotencyStore(db: Pick<ClientBase, 'query'> | Pick<Pool, 'query'>) {
  return {
    find: async (scope: string, key: string): Promise<KnownKey | null> => {
      const { rows } = await db.query(
        `select run_id as "runId", request_digest as "requestDigest", body_digest as "bodyDigest"
         from hub.idempotency_keys where scope = $1 and key = $2`,
        [scope, key],
      )
      return rows[0] ?? null
    },
    /** False when another call has taken the key in the meantime. */
    claim: async (claim: {
      scope: string
      key: string
      runId: string
      requestDigest: Buffer
    }): Promise<boolean> => {
      const { rowCount } = await db.query(
        `insert into hub.idempotency_keys (scope, key, run_id, request_digest) values ($1, $2, $3, $4)
         on conflict do nothing`,
        [claim.scope, claim.key, claim.runId, claim.requestDigest],
      )
      return rowCount === 1
    },
    complete: (scope: string, key: string, bodyDigest: Buffer) =>
      db.query('update hub.idempotency_keys set body_digest = $3 where scope = $1 and key = $2', [
        scope,
        key,
        bodyDigest,
      ]),
    /** Batches that an interrupted call of this run has committed, in order. */
    committed: async (runId: string): Promise<CommittedBatch[]> => {
      const { rows } = await db.query(
        `select number, read_count as "readCount", end_byte as "endByte", prefix_digest as "prefixDigest" from hub.batches
         where run_id = $1 and prefix_digest is not null order by number`,
        [runId],
      )
      return rows
    },
    purge: async (days: number): Promise<number> => {
      const { rowCount } = await db.query(
        'delete from hub.idempotency_keys where created_at < now() - make_interval(days => $1)',
        [days],
      )
      return rowCount ?? 0
    },
  }
}

export const keyInFlight = (): Refusal =>
  new Refusal(
    'state-conflict',
    '同一幂等键的请求正在处理,请稍后重试 / A call with this key is still being processed; try again later',
    { retryAfterSeconds: 5 },
  )

export const keyReused = (): Refusal =>
  new Refusal(
    'idempotency-conflict',
    '同一幂等键已用于另一请求或另一内容,请换一个键 / This key was used for another request or body; use a new one',
  )
