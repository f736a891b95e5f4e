import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectClient } from '../../../../src/hub/database/clients.ts'
import { readTail, sealBatch } from '../../../../src/hub/audit/sealed/seal-batch.ts'
import { silentLog } from '../../../../src/hub/database/log.ts'
import { type Sealer, startSealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { ed25519Signer } from '../../../../src/hub/audit/sealed/sign-note.ts'
import {
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  TreeRoot,
} from '../../../../src/shared/proofs.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'

const origin = 'shuqiao.test'
const signer = ed25519Signer(origin, generateKeyPairSync('ed25519').privateKey)
let own: TestDatabase
let sealers: Sealer[]

beforeEach(async () => {
  own = await createTestDatabase()
  sealers = []
})

afterEach(async () => {
  await Promise.all(sealers.map((sealer) => sealer.close()))
  await own.drop()
})

const start = (): Sealer => {
  const sealer = startSealer({
    openClient: () => connectClient({ url: own.urls.sealer, purpose: 'leader' }),
    origin,
    signers: [signer],
    log: silentLog,
  })
  sealers.push(sealer)
  return sealer
}

/** Entries as the log writes them: into entries and pending in one statement. */
const append = (count: number): Promise<unknown> =>
  own.database.pool.query(
    `with made as (
       select gen_random_uuid() as id, convert_to('leaf ' || n || random(), 'UTF8') as leaf from generate_series(1, $1) n),
     entries as (
       insert into audit.entries (id, leaf_bytes, leaf_hash) select id, leaf, sha256('\\x00'::bytea || leaf) from made)
     insert into audit.pending select id from made`,
    [count],
  )

async function untilSealed(size: number): Promise<void> {
  for (;;) {
    const { rows } = await own.database.pool.query<{ size: number }>(
      'select coalesce(max(size), -1) as size from audit.checkpoints',
    )
    if ((rows[0]?.size ?? -1) >= size) return
    await sleep(20)
  }
}

/** Recomputes every checkpoint from the leaves' bytes alone, and answers how many there are. */
async function demandWholeTree(size: number): Promise<number> {
  const { pool } = own.database
  const leaves = await pool.query<{ position: number; leaf_bytes: Buffer; hash: Buffer }>(
    `select position, leaf_bytes, hash from audit.leaves join audit.entries on entries.id = entry order by position`,
  )
  const notes = await pool.query<{ size: number; note: string }>(
    'select size, note from audit.checkpoints order by size',
  )
  const key = parseVerifierKey(signer.verifierKey)
  const left = [...notes.rows]
  const tree = new TreeRoot()
  const check = (): void => {
    while (left[0] !== undefined && left[0].size === tree.size) {
      const opened = openCheckpoint(left.shift()?.note ?? '', key === null ? [] : [key])
      if (!opened.isValid) throw new Error(opened.why)
      expect(opened.checkpoint.origin).toBe(origin)
      expect(opened.checkpoint.root.equals(tree.root())).toBe(true)
    }
  }
  check()
  leaves.rows.forEach((row, position) => {
    expect(row.position).toBe(position)
    expect(row.hash.equals(leafHash(row.leaf_bytes))).toBe(true)
    tree.add(row.hash)
    check()
  })
  expect(tree.size).toBe(size)
  expect(left).toEqual([])
  return notes.rows.length
}

describe('the sealer', () => {
  test('gives every committed entry one position, and signs the tree over them', async () => {
    await append(700)
    start()
    await untilSealed(700)
    await append(5)
    await untilSealed(705)
    await demandWholeTree(705)
    const { rows } = await own.database.pool.query('select 1 from audit.pending')
    expect(rows).toEqual([])
  })

  test('signs the empty tree, so that whoever comes first has something to hold on to', async () => {
    start()
    await untilSealed(0)
    await demandWholeTree(0)
  })

  test('never counts what is not committed, nor misses what commits late with an older id', async () => {
    const client = await own.database.pool.connect()
    await client.query('begin')
    await client.query(
      `with made as (insert into audit.entries values ('00000000-0000-7000-8000-000000000000', 'late', sha256('\\x00'::bytea || 'late'::bytea)) returning id)
       insert into audit.pending select id from made`,
    )
    start()
    await append(10)
    await untilSealed(10)
    await client.query('commit')
    client.release()
    await untilSealed(11)
    await demandWholeTree(11)
  })

  test('has one leader however many run, and another one when the leader is cut off at any instant', async () => {
    start()
    start()
    start()
    let written = 0
    for (let blow = 0; blow < 6; blow += 1) {
      await append(300)
      written += 300
      await sleep(blow * 7)
      const killer = await connectClient({ url: own.urls.superuser, purpose: 'general' })
      await killer.query(
        `select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
         where l.locktype = 'advisory' and d.datname = current_database() and l.pid <> pg_backend_pid()`,
      )
      await killer.end()
    }
    await untilSealed(written)
    // One that was cut off believes that it leads until it next asks, so two may believe it for a moment.
    const leaders = () => sealers.filter(({ isLeading }) => isLeading).length
    await expect.poll(leaders, { timeout: 30_000 }).toBe(1)
    await demandWholeTree(written)
  })

  test('a leader that was paused while another went on cannot append to what it no longer knows', async () => {
    await append(100)
    start()
    await untilSealed(100)
    await Promise.all(sealers.splice(0).map((sealer) => sealer.close()))
    const [old, fresh] = await Promise.all(
      [1, 2].map(() => connectClient({ url: own.urls.sealer, purpose: 'leader' })),
    )
    if (old === undefined || fresh === undefined) throw new Error('no connection')
    const paused = await readTail(old)
    await append(3)
    await sealBatch(fresh, await readTail(fresh), 10)
    await append(3)
    await expect(sealBatch(old, paused, 10)).rejects.toThrow(/duplicate|another sealer/i)
    await Promise.all([old.end(), fresh.end()])
    start()
    await untilSealed(106)
    await demandWholeTree(106)
  })

  test('what is sealed cannot be changed, not even by the sealer', async () => {
    await append(3)
    start()
    await untilSealed(3)
    const client = await connectClient({ url: own.urls.sealer, purpose: 'general' })
    for (const statement of [
      'update audit.leaves set position = position + 1',
      'delete from audit.leaves',
      'delete from audit.checkpoints',
      'update audit.checkpoints set size = 1',
      'delete from audit.tiles',
      'delete from audit.tree',
    ]) {
      await expect(client.query(statement), statement).rejects.toThrow(/permission|只能追加/)
    }
    await client.end()
  })
})
