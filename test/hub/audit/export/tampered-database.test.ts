import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { linesOf } from '../../../../scripts/audit/print-verdicts.ts'
import { verifyAll } from '../../../../scripts/audit/verify.ts'
import { signCheckpoint } from '../../../../src/hub/audit/sealed/sign-note.ts'
import { treeTail } from '../../../../src/hub/audit/sealed/tree-tail.ts'
import { leafHash } from '../../../../src/shared/proofs.ts'
import { connect } from '../audit-samples.ts'
import { minutesFrom, openTestSealedLog, type TestLog } from './exported-log.ts'

/*
 * Whoever owns the server can do what the triggers forbid everybody else: these tests do it, with and without
 * the signing key, and look whether it can be hidden.
 */
const month = '2026-11'
let log: TestLog
let owner: pg.Client
/** Checkpoints that somebody outside has kept: of 300 entries, and of all 600. */
let early: string
let late: string

beforeEach(async () => {
  log = await openTestSealedLog()
  await log.add(minutesFrom('2026-11-01T00:00:00Z', 300))
  early = keep('early', (await log.seal()).note)
  await log.add(minutesFrom('2026-11-02T00:00:00Z', 300))
  late = keep('late', (await log.seal()).note)
  owner = await connect(log.own.urls.superuser)
  await owner.query('set session_replication_role = replica')
})
afterEach(async () => {
  await owner.end()
  await log.close()
})

function keep(name: string, note: string): string {
  const path = join(log.folder, `${name}.txt`)
  writeFileSync(path, note)
  return path
}

/** Exports the month as it is now and verifies it against what was kept. */
async function verify(known: readonly string[]): Promise<string> {
  const names = [await log.export(month)]
  const keys = [log.signer.verifierKey]
  const call = { names, keys, known, proofs: [], tell: () => undefined }
  return linesOf(await verifyAll(call)).join('\n')
}

const changeAt = (position: number): Promise<unknown> =>
  owner.query(
    `update audit.entries set leaf_bytes = set_byte(leaf_bytes, 20, get_byte(leaf_bytes, 20) # 1)
     where id = (select entry from audit.leaves where position = $1)`,
    [position],
  )

/** Makes everything above the entries anew up to a size and signs it: with the hub's own key. */
async function rebuild(size: number): Promise<void> {
  const { rows } = await owner.query<{ position: number; bytes: Buffer }>(
    `select position, leaf_bytes as bytes from audit.leaves join audit.entries on id = entry
     where position < $1 order by position`,
    [size],
  )
  const tail = treeTail(0, [])
  const leaves = rows.map(({ bytes }) => leafHash(bytes))
  const tiles = tail.append(leaves)
  await owner.query('update audit.entries set leaf_hash = sha256($1::bytea || leaf_bytes)', [
    Buffer.of(0),
  ])
  await owner.query('update audit.leaves set hash = leaf_hash from audit.entries where id = entry')
  await owner.query('delete from audit.tiles')
  for (const { level, number, hashes, root } of tiles) {
    await owner.query('insert into audit.tiles values ($1, $2, $3, $4)', [
      level,
      number,
      hashes,
      root,
    ])
  }
  const root = tail.root()
  const note = signCheckpoint({ origin: log.origin, size, root }, [log.signer])
  await owner.query('delete from audit.checkpoints')
  await owner.query('insert into audit.checkpoints (size, root, note) values ($1, $2, $3)', [
    size,
    root,
    note,
  ])
  await owner.query('update audit.tree set size = $1, root = $2', [size, root])
}

test('an untouched log is found right under both checkpoints', async () => {
  expect(await verify([early, late])).not.toContain('✗')
})

test('an entry that was changed is named, and nothing is exported', async () => {
  await changeAt(400)
  await expect(log.export(month)).rejects.toThrow(/400/)
})

test('a row that was deleted is found out and named, and nothing is exported', async () => {
  await owner.query(
    'delete from audit.entries where id = (select entry from audit.leaves where position = 400)',
  )
  await expect(log.export(month)).rejects.toThrow(
    new RegExp(`lacks entries of ${month}: entry [0-9a-f-]{36} at position 400`),
  )
})

test('two entries whose places were exchanged are both named', async () => {
  const { rows } = await owner.query<{ position: number; entry: string }>(
    'delete from audit.leaves where position in (310, 320) returning position, entry, hash',
  )
  for (const [at, { entry }] of rows.entries()) {
    const { position, hash } = Object(rows[1 - at])
    const values = [position, entry, hash]
    await owner.query('insert into audit.leaves values ($1, $2, $3)', values)
  }
  await expect(log.export(month)).rejects.toThrow(/310[^]*320/)
})

test('a tree made anew from changed rows is a log like any other, but not to who holds a checkpoint', async () => {
  await changeAt(100)
  await rebuild(600)
  expect(await verify([])).not.toContain('✗')
  for (const held of [early, late]) expect(await verify([held])).toContain('history was rewritten')
})

test('a log rolled back to an older checkpoint is one too, but not to who holds a later one', async () => {
  await owner.query(
    'delete from audit.entries where id in (select entry from audit.leaves where position >= 300)',
  )
  await owner.query('delete from audit.leaves where position >= 300')
  await rebuild(300)
  expect(await verify([early])).not.toContain('✗')
  expect(await verify([late])).toContain('rolled back')
})
