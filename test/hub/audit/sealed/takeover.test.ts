import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type HubProcess, hubProcess } from '../../../../scripts/soak/hub-process.ts'
import { leafHash, TreeRoot } from '../../../../src/shared/proofs.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { appendPlain, opened, untilSealed } from './support.ts'

let own: TestDatabase
let home: string
const sealers: HubProcess[] = []
/** Every checkpoint that was ever to be seen, as text: what an anchor outside may hold. */
const seen = new Set<string>()
const watching = new AbortController()
let watched: Promise<void>

beforeAll(async () => {
  own = await createTestDatabase()
  home = mkdtempSync(join(tmpdir(), 'shuqiao-takeover-'))
  for (const name of ['one', 'other']) {
    const sealer = await hubProcess(join(home, name), 'sq_takeover-administrator', {
      SHUQIAO_ROLES: 'sealer',
      SHUQIAO_DATABASE_URL: own.urls.app,
      SHUQIAO_MIGRATION_URL: own.urls.owner,
      SHUQIAO_SEALER_URL: own.urls.sealer,
      SHUQIAO_KEYS_DIR: join(home, 'keys'),
    })
    await sealer.start()
    sealers.push(sealer)
  }
  watched = watchCheckpoints()
})
afterAll(async () => {
  watching.abort()
  await watched
  await Promise.all(sealers.map((sealer) => sealer.kill()))
  await own.drop()
  rmSync(home, { recursive: true, force: true })
})

async function watchCheckpoints(): Promise<void> {
  for (; !watching.signal.aborted; await sleep(5)) {
    const { rows } = await own.database.pool.query<{ note: string }>(
      'select note from audit.checkpoints order by size desc limit 1',
    )
    if (rows[0]) seen.add(rows[0].note)
  }
}

test('where the leading process is killed or stands still the one beside it goes on, and no size ever has two trees', async () => {
  const { pool } = own.database
  let written = 0
  for (let blow = 0; blow < 6; blow += 1) {
    const struck = sealers[blow % 2]
    for (let batch = 0; batch < 5; batch += 1) {
      await appendPlain(pool, 70)
      written += 70
      await sleep(blow * 23)
    }
    // The one that started first leads; from then on the one that was not struck last does.
    await struck?.kill()
    await appendPlain(pool, 10)
    written += 10
    expect(await untilSealed(pool)).toBe(written)
    await struck?.start()
  }
  // The second one was struck last: the first leads, stands still, and comes back to a log that went on.
  sealers[0]?.freeze()
  await appendPlain(pool, 10)
  expect(await untilSealed(pool)).toBe(written + 10)
  sealers[0]?.thaw()
  await appendPlain(pool, 10)
  written += 20
  expect(await untilSealed(pool)).toBe(written)
  watching.abort()
  await watched
  const { rows: keys } = await pool.query<{ key: string }>(
    'select verifier_key as key from audit.verifier_keys',
  )
  const checkpoints = [...seen].map((note) => opened(note, ...keys.map(({ key }) => key)))
  expect(checkpoints.length).toBeGreaterThan(6)
  const { rows } = await pool.query<{ bytes: Buffer }>(
    'select leaf_bytes as bytes from audit.leaves join audit.entries on id = entry order by position',
  )
  const roots = new Map<number, string>()
  const tree = new TreeRoot()
  roots.set(0, Buffer.from(tree.root()).toString('hex'))
  for (const { bytes } of rows) {
    tree.add(leafHash(bytes))
    roots.set(tree.size, Buffer.from(tree.root()).toString('hex'))
  }
  expect(tree.size).toBe(written)
  for (const { size, root } of checkpoints)
    expect([size, root.toString('hex')]).toEqual([size, roots.get(size)])
}, 300_000)
