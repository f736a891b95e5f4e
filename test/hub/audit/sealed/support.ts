import type { Pool } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Log, silentLog } from '../../../../src/hub/database/log.ts'
import type { Sealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { startSealing } from '../../../../src/hub/audit/sealed/start-sealing.ts'
import type { Keys } from '../../../../src/hub/keys.ts'
import {
  type Checkpoint,
  openCheckpoint,
  parseVerifierKey,
  TreeRoot,
  type VerifierKey,
} from '../../../../src/shared/proofs.ts'
import type { TestHub } from '../../../support/hub.ts'

/** A sealer beside a test's hub, with the hub's own keys unless told. */
export const sealBeside = (
  hub: TestHub,
  keys: Keys = hub.app.hub.keys,
  log: Log = silentLog,
): Promise<Sealer> =>
  startSealing({
    config: { roles: ['sealer'] },
    sealerUrl: hub.testDatabase.urls.sealer,
    keys,
    log,
  })

/** Entries as the log writes them: into entries and pending in one statement. */
export const appendPlain = (pool: Pool, count: number): Promise<unknown> =>
  pool.query(
    `with made as (
       select gen_random_uuid() as id, convert_to('leaf ' || n || random(), 'UTF8') as leaf from generate_series(1, $1) n),
     entries as (
       insert into audit.entries (id, leaf_bytes, leaf_hash) select id, leaf, sha256('\\x00'::bytea || leaf) from made)
     insert into audit.pending select id from made`,
    [count],
  )

/** Waits until nothing is unsealed; answers how many entries the checkpoint covers. */
export async function untilSealed(pool: Pool): Promise<number> {
  for (;;) {
    const { rows } = await pool.query<{ size: number; waits: boolean }>(
      `select (select coalesce(max(size), -1) from audit.checkpoints) as size,
         exists (select from audit.pending) or
         (select size from audit.tree) > (select coalesce(max(size), -1) from audit.checkpoints) as waits`,
    )
    const [state] = rows
    if (state && !state.waits) return state.size
    await sleep(20)
  }
}

export function keyOf(text: string): VerifierKey {
  const key = parseVerifierKey(text)
  if (key === null) throw new Error(`no verifier key: ${text}`)
  return key
}

export function opened(note: string, ...keys: readonly string[]): Checkpoint {
  const checked = openCheckpoint(note, keys.map(keyOf))
  if (!checked.isValid) throw new Error(checked.why)
  return checked.checkpoint
}

/** A tile's or a bundle's bytes, read without a token. */
export async function bytesOf(hub: TestHub, path: string): Promise<Buffer> {
  const answer = await hub.call('GET', `/v1/audit/tile/${path}`)
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode}`)
  return answer.rawPayload
}

export const cut = (bytes: Buffer): Buffer[] =>
  Array.from({ length: bytes.length / 32 }, (_, at) => bytes.subarray(at * 32, at * 32 + 32))

/** All leaf hashes up to a size, from tiles as a watcher reads them. */
export async function leavesUpTo(hub: TestHub, count: number): Promise<Buffer[]> {
  const whole = Math.floor(count / 256)
  const rest = count % 256
  const paths = Array.from({ length: whole }, (_, tile) => `0/${String(tile).padStart(3, '0')}`)
  if (rest > 0) paths.push(`0/${String(whole).padStart(3, '0')}.p/${rest}`)
  return (await Promise.all(paths.map((path) => bytesOf(hub, path)))).flatMap(cut)
}

export function rootOf(leaves: readonly Uint8Array[]): Buffer {
  const tree = new TreeRoot()
  for (const leaf of leaves) tree.add(leaf)
  return Buffer.from(tree.root())
}
