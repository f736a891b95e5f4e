import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from '../../../src/connectors/postgres/connector.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../../support/database.ts'
import { batchOf, fullValues, removal, shape, upsert } from './target-rows.ts'

let database: EmptyDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
})
afterAll(() => database.drop())

const nothing = { cursor: null, after: null, upTo: null, overlap: 0, range: null }

async function* noRejects() {}

describe('an exchange table', () => {
  test('what one hub puts there another takes batch by batch, once, with nothing lost', async () => {
    const settings = {
      url: database.urls.superuser,
      table: 'public.exchange',
      exchange: {
        operation: 'cd_operation',
        batch: 'cd_batch',
        time: 'cd_time',
        mark: 'cd_taken',
        receipts: 'receipts',
        rejects: 'rejects',
      },
    }
    const context = { filesDirs: [] }
    const target = postgres.openTarget?.(settings, context)
    const source = postgres.openSource?.(settings, context)
    if (!target || !source) throw new Error('PostgreSQL is both a target and a source.')
    await target.prepare(shape)
    // A source lets a batch rest by its time: one of long ago has.
    const at = new Date('2020-01-01T00:00:00Z')
    await target.write(batchOf(1, [upsert('甲', 1, fullValues), upsert('乙', 2)], { at }))
    await target.write(batchOf(2, [removal('乙', 3)], { at }))

    const taken: unknown[] = []
    for (let round = 0; round < 2; round += 1) {
      for await (const { rows, unit, isUnitEnd } of source.read(nothing)) {
        for (const { row } of rows)
          taken.push([
            unit,
            row?.['_key'],
            row?.['cd_operation'],
            row?.['capital'],
            row?.['seenAt'],
          ])
        if (!isUnitEnd || unit === null) continue
        const counts = { readCount: rows.length, landedCount: rows.length, flaggedCount: 0 }
        await source.acknowledge?.({
          unit,
          runId: 'r',
          ...counts,
          rejectedCount: 0,
          rejects: noRejects(),
        })
      }
    }
    expect(taken.slice(0, 2)).toEqual(
      expect.arrayContaining([
        ['1', '甲', 'U', fullValues.capital, fullValues.seenAt],
        ['1', '乙', 'U', null, null],
      ]),
    )
    expect(taken.slice(2)).toEqual([['2', '乙', 'D', null, null]])
    await target.close()
    await source.close()
  })
})
