import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Client } from 'pg'
import { readTail, sealBatch } from '../../../../src/hub/audit/sealed/seal-batch.ts'
import { connectClient } from '../../../../src/hub/database/clients.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { appendPlain } from './support.ts'

let own: TestDatabase
let sealer: Client
beforeEach(async () => {
  own = await createTestDatabase()
  sealer = await connectClient({ url: own.urls.sealer, purpose: 'leader' })
})
afterEach(async () => {
  await sealer.end()
  await own.drop()
})

const countOf = async (table: 'pending' | 'leaves'): Promise<number> => {
  const { rows } = await sealer.query<{ count: number }>(
    `select count(*)::integer as count from audit.${table}`,
  )
  return rows[0]?.count ?? 0
}

test('an id without an entry stops the sealer, which has then taken nothing and placed nothing', async () => {
  const { pool } = own.database
  await appendPlain(pool, 300)
  const stray = 'ffffffff-ffff-7fff-bfff-fffffffffff0'
  await pool.query('insert into audit.pending (id) values ($1)', [stray])
  await expect(sealBatch(sealer, await readTail(sealer), 1000)).rejects.toThrow(stray)
  expect([await countOf('pending'), await countOf('leaves')]).toEqual([301, 0])
  expect((await readTail(sealer)).size).toBe(0)
})

test('positions go on without a gap from batch to batch, each batch in the order of its ids', async () => {
  await appendPlain(own.database.pool, 700)
  const tail = await readTail(sealer)
  for (const count of [256, 256, 188, 0]) expect(await sealBatch(sealer, tail, 256)).toBe(count)
  const { rows } = await sealer.query<{ position: number; entry: string; own: boolean }>(
    `select position, entry, hash = leaf_hash as own
     from audit.leaves join audit.entries on id = entry order by position`,
  )
  expect(rows.map(({ position }) => position)).toEqual(rows.map((_, index) => index))
  expect(rows.every((row) => row.own)).toBe(true)
  for (const [from, to] of [
    [0, 256],
    [256, 512],
    [512, 700],
  ]) {
    const ids = rows.slice(from, to).map(({ entry }) => entry)
    expect(ids).toEqual(ids.toSorted())
  }
  const again = await readTail(sealer)
  expect([again.size, again.root()]).toEqual([tail.size, tail.root()])
})
