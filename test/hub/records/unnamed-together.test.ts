import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runTogether } from '../../../src/hub/records/pipelined-reads.ts'
import { makeStatement } from '../../../src/hub/records/statements.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

/*
 * Only so many statements of a process are named, and only named ones are pipelined. The last name may go to the
 * statement for one look-up, so that the one for many of its kind gets none. In a file of its own: names are
 * never given back.
 */
let testDatabase: TestDatabase
let pool: pg.Pool
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  ;({ pool } = testDatabase.database)
})
afterAll(() => testDatabase.drop())

test('look-ups whose statement for many got no name are answered each', async () => {
  const alone = makeStatement(1, () => 'select $1::bigint * 2')
  for (let filler = 0; makeStatement(0, () => `select ${filler}`).name !== undefined; filler++);
  const each = makeStatement(
    1,
    () => 'select a.value * 2, a.place from unnest($1::bigint[]) with ordinality a (value, place)',
  )
  expect([alone.name, each.name]).toEqual([expect.any(String), undefined])
  const together = { statement: each, alikeCount: 0 }
  const answers = await Promise.all(
    [1, 2, 3].map((one) => runTogether(pool, alone, [one], together)),
  )
  expect(answers).toEqual([[[2]], [[4]], [[6]]])
})
