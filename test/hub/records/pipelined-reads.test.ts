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

const doubled = makeStatement(1, () => 'select $1::bigint * 2, null::text where $1::bigint > 0')
const among = makeStatement(1, (parameters) => {
  const list = parameters.add(['a"b', String.raw`c\d`, 'e,{}', ''])
  return `select $1::text = any(${list}::text[])`
})
const divided = makeStatement(1, () => 'select 10 / $1::integer')
const kinds = makeStatement(
  3,
  () => `select $1::bytea, $2::boolean, $3::text, '2026-01-02 03:04:05+08'::timestamptz, 1.50`,
)

test('answers of what is asked together go to whoever asked, in any mixture of statements', async () => {
  const asked = Array.from({ length: 300 }, (_, index) => index)
  const answers = await Promise.all(
    asked.map((index) =>
      index % 3 === 0
        ? runTogether(pool, kinds, [Buffer.from([index % 256]), index % 2 === 0, null])
        : runTogether(pool, doubled, [index - 100]),
    ),
  )
  for (const index of asked) {
    if (index % 3 === 0) {
      const values = [Buffer.from([index % 256]), index % 2 === 0, null]
      expect(answers[index]).toEqual([[...values, '2026-01-01T19:04:05.000Z', '1.50']])
    } else {
      expect(answers[index]).toEqual(index > 100 ? [[(index - 100) * 2, null]] : [])
    }
  }
})

test('lists of texts arrive as they are, with quotes, backslashes, braces and nothing', async () => {
  for (const text of ['a"b', String.raw`c\d`, 'e,{}', '']) {
    const [row] = await runTogether(pool, among, [text])
    expect(row?.[0]).toBe(true)
  }
})

test('one that fails is refused alone; those beside it are answered, and so are those after it', async () => {
  const asked = [1, 2, 0, 5, 10]
  const settled = await Promise.allSettled(asked.map((by) => runTogether(pool, divided, [by])))
  expect(
    settled.map((one) => (one.status === 'fulfilled' ? one.value[0]?.[0] : 'refused')),
  ).toEqual([10, 5, 'refused', 2, 1])
  expect(await runTogether(pool, divided, [2])).toEqual([[5]])
})

test('a number that cannot be held exactly is refused rather than wrong, and harms nobody else', async () => {
  const large = 2 ** 52 - 1
  const settled = await Promise.allSettled([
    runTogether(pool, doubled, [large]),
    runTogether(pool, doubled, [String(large * 4)]),
    runTogether(pool, doubled, [7]),
  ])
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('one that takes long keeps those behind it waiting only as long as it does not seem to', async () => {
  const slow = makeStatement(1, () => 'select pg_advisory_lock($1::bigint)')
  const holder = await pool.connect()
  await holder.query('select pg_advisory_lock(4711)')
  const held = [runTogether(pool, slow, [4711]), runTogether(pool, slow, [4711])]
  await new Promise(setImmediate)
  const answers = await Promise.all([1, 2, 3].map((each) => runTogether(pool, doubled, [each])))
  expect(answers).toEqual([2, 4, 6].map((twice) => [[twice, null]]))
  await holder.query('select pg_advisory_unlock(4711)')
  await Promise.all(held)
  holder.release(true)
})
