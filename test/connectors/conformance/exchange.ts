import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Source, UnitReceipt } from '../../../src/connectors/contract.ts'
import { everything, ids, take } from './reading.ts'
import type { ConformanceExchange, ConformanceStore, ExchangeRow } from './store.ts'

const rested = '2026-01-01 00:00:00'
const row = (id: number, batch: number, more: Partial<ExchangeRow> = {}): ExchangeRow => ({
  id,
  operation: 'I',
  batch,
  time: rested,
  name: `乙${id}`,
  ...more,
})

async function* noRejects(): UnitReceipt['rejects'] {}

async function* oneReject(): UnitReceipt['rejects'] {
  yield {
    source: { id: '1', name: '乙1' },
    reasons: [
      { field: 'name', code: 'required', message: '必填 / required' },
      { field: null, code: 'key-missing', message: '没有主键 / no key' },
    ],
  }
}

const receipt = (
  unit: string,
  readCount: number,
  more: Partial<UnitReceipt> = {},
): UnitReceipt => ({
  unit,
  runId: 'run-1',
  readCount,
  landedCount: readCount,
  flaggedCount: 0,
  rejectedCount: 0,
  rejects: noRejects(),
  ...more,
})

/** What an exchange table (前置库交换表) promises, with a mark column and with receipts alone. */
export function exchangePromises(store: ConformanceStore, filesDirs: () => string[]): void {
  describe.skipIf(store.missing !== null)(`${store.name}, exchange tables`, () => {
    const opened: Source[] = []
    const make = async (rows: readonly ExchangeRow[], mark: boolean) => {
      const exchange = await store.makeExchange?.(rows, { mark })
      const source = exchange?.connector.openSource?.({ filesDirs: filesDirs() })
      if (!exchange || !source) throw new Error(`${store.name} has no exchange tables.`)
      opened.push(source)
      return { exchange, source }
    }
    beforeAll(() => store.start(), 120_000)
    afterEach(async () => {
      for (const source of opened.splice(0)) await source.close()
    })
    afterAll(() => store.stop())

    for (const mark of [true, false]) {
      const how = mark ? 'by mark' : 'by receipts'

      test(`gives batches in order of their numbers, rows in order of time, each batch a unit (${how})`, async () => {
        const rows = [row(1, 10), row(2, 9, { time: '2026-01-01 00:00:01' }), row(3, 9), row(4, 2)]
        const { source } = await make(rows, mark)
        const taken = await take(source, everything)
        expect(ids(taken.rows)).toEqual([4, 3, 2, 1])
        expect(taken.rows[0]).toMatchObject({ op: 'I', batch_no: '2' })
        expect(taken.blocks.map(({ unit, isUnitEnd }) => [unit, isUnitEnd])).toEqual([
          ['2', true],
          ['9', true],
          ['10', true],
        ])
        expect(await source.count(everything)).toBe(4)
      })

      test(`takes no batch twice that was acknowledged, and writes one receipt however often it is told (${how})`, async () => {
        const { exchange, source } = await make([row(1, 1), row(2, 2)], mark)
        for (const _ of [1, 2]) {
          const rejects = oneReject()
          await source.acknowledge?.(receipt('1', 1, { landedCount: 0, rejectedCount: 1, rejects }))
        }
        expect(ids((await take(source, everything)).rows)).toEqual([2])
        expect(await exchange.ask(`select * from $table_receipts`)).toMatchObject([
          { batch: '1', read_count: '1', landed_count: '0', rejected_count: '1', run_id: 'run-1' },
        ])
        const rejects = await exchange.ask(`select * from $table_rejects order by code`)
        expect(rejects).toEqual([
          expect.objectContaining({ batch: '1', field: null, code: 'key-missing', ordinal: '1' }),
          expect.objectContaining({ field: 'name', code: 'required', message: '必填 / required' }),
        ])
        expect(JSON.parse(rejects[0]?.['source_row'] ?? '')).toEqual({ id: '1', name: '乙1' })
      })

      test(`takes a batch again whose rows grew after it had been read (${how})`, async () => {
        const { exchange, source } = await make([row(1, 1)], mark)
        expect((await take(source, everything)).rows).toHaveLength(1)
        await exchange.insert([row(2, 1)])
        await source.acknowledge?.(receipt('1', 1))
        expect(ids((await take(source, everything)).rows)).toContain(2)
      })

      test(`leaves the newest batch until it has rested, and takes it once there is a newer one (${how})`, async () => {
        const { exchange, source } = await make([row(1, 1, { time: '2999-01-01 00:00:00' })], mark)
        expect((await take(source, everything)).rows).toEqual([])
        await exchange.insert([row(2, 2, { time: '2999-01-01 00:00:00' })])
        expect(ids((await take(source, everything)).rows)).toEqual([1])
      })
    }

    test('goes on inside the batch in which a run was broken off, and not with one that has landed', async () => {
      const { source } = await make([row(1, 1), row(2, 2), row(3, 2), row(4, 3)], true)
      const first = await take(source, everything, 2)
      const rest = await take(source, { ...everything, after: first.position })
      expect([ids(first.rows), ids(rest.rows)]).toEqual([
        [1, 2],
        [3, 1, 4],
      ])
      const landed = await take(source, { ...everything, after: { batch: '2', taken: null } })
      expect(ids(landed.rows)).toEqual([1, 4])
    })

    test('leaves batches that come behind the newest of the run’s start to the next run', async () => {
      const { exchange, source } = await make([row(1, 1), row(2, 2)], true)
      const upTo = await source.newest([])
      await exchange.insert([row(3, 3)])
      expect(ids((await take(source, { ...everything, upTo })).rows)).toEqual([1, 2])
    })
  })
}

export type { ConformanceExchange }
