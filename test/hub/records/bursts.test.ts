import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runTogether } from '../../../src/hub/records/pipelined-reads.ts'
import { makeStatement } from '../../../src/hub/records/statements.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let testDatabase: TestDatabase
let pool: pg.Pool
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  ;({ pool } = testDatabase.database)
})
afterAll(() => testDatabase.drop())

const doubled = makeStatement(1, () => 'select $1::bigint * 2')
const slow = makeStatement(1, () => 'select pg_advisory_lock($1::bigint)')
const batchSize = 64

test('what a burst leaves over does not wait for its first batch, though nothing more is asked', async () => {
  const holder = await pool.connect()
  await holder.query('select pg_advisory_lock(4711)')
  const held = runTogether(pool, slow, [4711])
  const besides = Array.from({ length: batchSize - 1 }, (_, index) =>
    runTogether(pool, doubled, [index]),
  )
  const left = runTogether(pool, doubled, [100])
  const first = Promise.race([
    left.then(() => 'what was left over'),
    Promise.all(besides).then(() => 'the batch that was held up'),
  ])
  // Long enough for another batch to begin and end.
  for (let turn = 0; turn < 50; turn++) await holder.query('select pg_sleep(0.01)')
  await holder.query('select pg_advisory_unlock(4711)')
  holder.release(true)
  await Promise.all([held, ...besides, left])
  expect(await first).toBe('what was left over')
})
