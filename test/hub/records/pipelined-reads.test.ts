import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

test('what a burst leaves over does not wait for its first batch, though nothing more is asked', async () => {
  const slow = makeStatement(1, () => 'select pg_advisory_lock($1::bigint)')
  const holder = await pool.connect()
  await holder.query('select pg_advisory_lock(4712)')
  const held = runTogether(pool, slow, [4712])
  // A batch takes 64 look-ups: the last of these is left over.
  const others = Array.from({ length: 64 }, (_, each) => runTogether(pool, doubled, [each + 1]))
  expect(await others.at(-1)).toEqual([[128, null]])
  await holder.query('select pg_advisory_unlock(4712)')
  await Promise.all([held, ...others])
  holder.release(true)
})

describe('look-ups that differ in their values alone', () => {
  /** How many were asked in one statement, then the row; a value below zero finds nothing, 99 fails. */
  const doubledOf = (value: string): string =>
    `select ${value} * 2 + 0 / (99 - ${value}), $1::text from generate_series(1, 2) where ${value} >= 0`
  const alone = makeStatement(
    2,
    () => `select 1::int, found.* from (${doubledOf('$2::int')}) found`,
  )
  const together = {
    alikeCount: 1,
    statement: makeStatement(
      2,
      () => `select cardinality($2::int[]), found.*, a.place
        from unnest($2::int[]) with ordinality a (value, place), lateral (${doubledOf('a.value')}) found`,
    ),
  }
  const ask = (group: string, value: number) => runTogether(pool, alone, [group, value], together)

  test('are one statement of each kind that is alike, and each gets its own rows', async () => {
    const asked = Array.from({ length: 30 }, (_, index) => [`g${index % 3}`, index - 5] as const)
    const answers = await Promise.all(asked.map(([group, value]) => ask(group, value)))
    for (const [index, [group, value]] of asked.entries()) {
      const row = [10, value * 2, group]
      expect(answers[index]).toEqual(value < 0 ? [] : [row, row])
    }
  })

  test('are each asked alone when one of them fails, and only that one is refused', async () => {
    const settled = await Promise.allSettled([1, 99, 3].map((value) => ask('g', value)))
    expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : 'refused'))).toEqual([
      [
        [1, 2, 'g'],
        [1, 2, 'g'],
      ],
      'refused',
      [
        [1, 6, 'g'],
        [1, 6, 'g'],
      ],
    ])
  })

  test('are not mixed up by values that look alike when they are written together', async () => {
    const pair = {
      alikeCount: 2,
      statement: makeStatement(
        3,
        () =>
          `select $1::text, $2::text, a.place from unnest($3::int[]) with ordinality a (v, place)`,
      ),
    }
    const one = makeStatement(3, () => `select $1::text, $2::text where $3::int > 0`)
    const asked: [string, string][] = [
      ['a', 'b,c'],
      ['a,b', 'c'],
      ['a', 'b,c'],
      ['a,b', 'c'],
    ]
    const answers = await Promise.all(
      asked.map((alike) => runTogether(pool, one, [...alike, 1], pair)),
    )
    expect(answers).toEqual(asked.map((alike) => [alike]))
  })

  test('of bytes and of texts with any characters arrive as they are', async () => {
    const echo = {
      alikeCount: 0,
      statement: makeStatement(
        2,
        () => `select a.bytes, a.words, a.place
          from unnest($1::bytea[], $2::text[]) with ordinality a (bytes, words, place)`,
      ),
    }
    const one = makeStatement(2, () => 'select $1::bytea, $2::text')
    const texts = ['a"b', String.raw`c\d`, 'e,{}', '', 'NULL', '王芳 \n']
    const asked = texts.map((words) => [Buffer.from(words), words])
    const answers = await Promise.all(asked.map((values) => runTogether(pool, one, values, echo)))
    expect(answers).toEqual(asked.map((values) => [values]))
  })
})
