import type { Pool } from 'pg'
import {
  type Checkpoint,
  openCheckpoint,
  parseVerifierKey,
  type VerifierKey,
  verifyConsistency,
} from '../../shared/proofs.ts'
import { Refusal } from '../../shared/refusal.ts'
import { readOrigin, readSealKeys } from '../audit/sealed/seal-keys.ts'
import { sealedLog } from '../audit/sealed/sealed-log.ts'
import { ed25519Signer } from '../audit/sealed/sign-note.ts'
import type { Keys } from '../keys.ts'

/** The last checkpoint of the log, which a delivery leaves with its subscriber; null before the first. */
export async function lastCheckpoint(pool: Pick<Pool, 'query'>): Promise<string | null> {
  const { rows } = await pool.query<{ note: string }>({
    name: 'last-checkpoint-note',
    text: 'select note from audit.checkpoints order by size desc limit 1',
  })
  return rows[0]?.note ?? null
}

interface OwnLog {
  pool: Pick<Pool, 'query'>
  keys: Pick<Keys, 'signing' | 'formerSigning'>
}

/**
 * Refuses (`state-conflict`) to deliver to a subscriber who holds a checkpoint that today's log does not
 * begin with: this database was put back to an older state, or its log was rewritten. Whoever has found out
 * why empties the kept checkpoint in the subscriber's store, and the delivery goes on with a new one.
 */
export async function demandSameLog(own: OwnLog, kept: string | null): Promise<void> {
  if (kept === null) return
  const held = await openHeld(own, kept)
  if (held === null) {
    throw anotherLog('没有本平台密钥的有效签名', 'no key of this hub has signed it rightly')
  }
  const current = await currentCheckpoint(own)
  const size = current?.size ?? 0
  if (held.origin !== current?.origin || held.size > size) {
    throw anotherLog(
      `对方持有 ${held.origin} 的第 ${held.size} 条,本平台只到第 ${size} 条:日志被回退,或恢复了旧备份`,
      `it covers ${held.size} entries of ${held.origin}, the log has ${size}: it was rolled back, or an old backup was restored`,
    )
  }
  const hashes = await sealedLog(own.pool).consistency(held.size, size)
  const [from, fromRoot, to, toRoot] = [held.size, held.root, size, current.root]
  if (hashes !== null && verifyConsistency({ from, fromRoot, to, toRoot, hashes })) return
  throw anotherLog(
    `日志的前 ${held.size} 条与对方所持不同:历史被改写`,
    `the first ${held.size} entries are others than it covers: history was rewritten`,
  )
}

async function currentCheckpoint(own: OwnLog): Promise<Checkpoint | null> {
  const note = await lastCheckpoint(own.pool)
  return note === null ? null : openHeld(own, note)
}

/** Null where none of the log's keys has signed it rightly. */
async function openHeld({ pool, keys }: OwnLog, note: string): Promise<Checkpoint | null> {
  const [known, origin] = await Promise.all([readSealKeys(pool), readOrigin(pool)])
  const signers = [keys.signing, ...keys.formerSigning].map((key) => ed25519Signer(origin, key))
  // The keys folder too: a database that was put back does not know the keys that came after.
  const trusted = [...known, ...signers].map(({ verifierKey }) => parseVerifierKey(verifierKey))
  const opened = openCheckpoint(note, distinct(trusted.filter((key) => key !== null)))
  return opened.isValid ? opened.checkpoint : null
}

const distinct = (keys: readonly VerifierKey[]): VerifierKey[] => [
  ...new Map(keys.map((key) => [key.keyId, key])).values(),
]

const anotherLog = (zh: string, en: string): Refusal =>
  new Refusal(
    'state-conflict',
    `对方所持的日志检查点与本平台的审计日志不符,停止交付:${zh};查明原因后,请对方清空该检查点再交付 / ` +
      `The checkpoint that the subscriber keeps is not of this log, nothing is delivered: ${en}. ` +
      'Once the cause is known, have the kept checkpoint emptied',
  )
