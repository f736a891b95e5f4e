import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import type { Target, TargetShape } from '../../../src/connectors/contract.ts'
import type { SqlSession } from '../../../src/connectors/sql/session.ts'
import { utcText } from '../../../src/connectors/table-target/cells.ts'
import { openTableTarget } from '../../../src/connectors/table-target/open-target.ts'
import type { TargetStore } from './stores.ts'
import {
  batchOf,
  columns,
  emptyValues,
  endOf,
  fullValues,
  removal,
  shape,
  upsert,
} from './target-rows.ts'

type Row = Record<string, string | null>

const conflict = { code: 'state-conflict' }

/** What every store that has a table target promises. */
export function tableTargetSuite(title: string, start: () => Promise<TargetStore>): void {
  describe(title, () => {
    let store: TargetStore
    let session: SqlSession
    let open: Target[] = []

    beforeAll(async () => {
      store = await start()
      session = await store.connect()
    })
    afterAll(async () => {
      await session?.close()
      await store?.stop()
    })
    beforeEach(async () => {
      for (const table of ['people', 'shuqiao_deliveries', 'exchange'])
        await session.execute(`drop table if exists ${table}`)
    })
    afterEach(async () => {
      for (const target of open) await target.close()
      open = []
    })

    const q = (name: string): string => store.dialect.quote(name)
    const openTarget = async (
      more: {
        shape?: TargetShape
        table?: string
        exchange?: ExchangeSettings
        connect?: () => Promise<SqlSession>
      } = {},
    ): Promise<Target> => {
      const { connect = store.connect, table = 'people', exchange } = more
      const target = openTableTarget({
        connect,
        dialect: store.dialect,
        settings: { table, exchange },
      })
      open.push(target)
      await target.prepare(more.shape ?? shape)
      return target
    }
    const rowsOf = (table = 'people'): Promise<Row[]> =>
      session.query<Row>(`select * from ${table} order by ${q('_key')}`)
    const keysOf = async (): Promise<(string | null | undefined)[]> =>
      (await rowsOf()).map((row) => row['_key'])

    test('a table is created, and values of every type arrive to the last digit', async () => {
      const target = await openTarget()
      await target.write(batchOf(1, [upsert('甲🀄', 1, fullValues), upsert('乙', 2)]))
      const [empty, full] = (await rowsOf()).toSorted(
        (a, b) => Number(b['_seq']) - Number(a['_seq']),
      )
      expect(empty).toMatchObject({ _key: '乙', ...emptyValues })
      expect(full).toMatchObject({
        _key: '甲🀄',
        _seq: '1',
        _generation: '1',
        idNumber: fullValues.idNumber,
        name: fullValues.name,
        note: fullValues.note,
        count: String(fullValues.count),
        capital: fullValues.capital,
        bornOn: fullValues.bornOn,
      })
      expect(['t', 'true', '1']).toContain(full?.['isAlive'])
      expect(JSON.parse(full?.['holders'] ?? '')).toEqual(fullValues.holders)
      expect(JSON.parse(full?.['more'] ?? '')).toEqual(fullValues.more)
      const seen = (full?.['seenAt'] ?? '').replace(' ', 'T').replace(/(\+00|Z)?$/, 'Z')
      expect(seen).toBe(fullValues.seenAt)
    })

    test('decimals of 24 digits, long, small and negative, come back as they were', async () => {
      const amounts = [
        '999999999999999999.999999',
        '-0.000001',
        '0',
        '1.500000',
        '-999999999999999999.999999',
      ]
      const target = await openTarget()
      await target.write(
        batchOf(
          1,
          amounts.map((capital, index) => upsert(`k${index}`, index + 1, { capital })),
        ),
      )
      const exact = (text: string): string =>
        text.includes('.') ? text.replace(/\.?0+$/, '') : text
      expect((await rowsOf()).map((row) => exact(row['capital'] ?? ''))).toEqual(amounts.map(exact))
    })

    test('instants with an offset are the same instant in the store', async () => {
      const target = await openTarget()
      await target.write(
        batchOf(1, [upsert('a', 1, { seenAt: '2026-01-01T00:30:00.000001+08:00' })]),
      )
      const [row] = await rowsOf()
      const text = row?.['seenAt'] ?? ''
      const isUtc = !/[+-]08:00$/.test(text)
      expect(isUtc ? utcText(text.replace(/\+00$/, 'Z')) : utcText(text)).toBe(
        '2025-12-31 16:30:00.000001',
      )
    })

    test('keys that differ in case or in a blank at the end are different records', async () => {
      const target = await openTarget()
      await target.write(
        batchOf(
          1,
          ['a', 'A', 'a ', 'ａ'].map((key, index) => upsert(key, index + 1)),
        ),
      )
      expect(await rowsOf()).toHaveLength(4)
      await target.write(batchOf(2, [removal('A', 9)]))
      expect(new Set(await keysOf())).toEqual(new Set(['a', 'a ', 'ａ']))
    })

    test('an upsert replaces by key, NULLs too, and a deletion removes', async () => {
      const target = await openTarget()
      await target.write(batchOf(1, [upsert('a', 1, fullValues), upsert('b', 2, fullValues)]))
      await target.write(
        batchOf(2, [upsert('a', 3, { name: '王五' }), removal('b', 4), removal('c', 5)]),
      )
      const [row, ...others] = await rowsOf()
      expect(others).toEqual([])
      expect(row).toMatchObject({ _key: 'a', _seq: '3', name: '王五', note: null, capital: null })
    })

    test('of one key several times in a batch the last word counts', async () => {
      const target = await openTarget()
      await target.write(
        batchOf(1, [
          upsert('a', 1, { name: '旧' }),
          upsert('b', 2),
          upsert('a', 3, { name: '新' }),
          removal('b', 4),
        ]),
      )
      expect(await rowsOf()).toMatchObject([{ _key: 'a', name: '新' }])
    })

    test('an older change number never overwrites a newer one of the same generation', async () => {
      const target = await openTarget()
      await target.write(batchOf(1, [upsert('a', 10, { name: '新' }), upsert('b', 10)]))
      await target.write(batchOf(2, [upsert('a', 9, { name: '旧' }), removal('b', 9)]))
      expect(await rowsOf()).toMatchObject([{ _key: 'a', _seq: '10', name: '新' }, { _key: 'b' }])
      await target.write(
        batchOf(3, [upsert('a', 9, { name: '旧' }), removal('b', 9)], { generation: 2 }),
      )
      expect(await rowsOf()).toMatchObject([{ _key: 'a', _seq: '9', _generation: '2', name: '旧' }])
    })

    test('a batch that comes again changes nothing, an older one is refused', async () => {
      const target = await openTarget()
      await target.write(batchOf(1, [upsert('a', 1, { name: '一' })]))
      await target.write(batchOf(2, [upsert('a', 2, { name: '二' })]))
      await target.write(batchOf(2, [upsert('a', 3, { name: '三' }), upsert('z', 4)]))
      expect(await rowsOf()).toMatchObject([{ _key: 'a', name: '二' }])
      await expect(target.write(batchOf(1, [upsert('z', 9)]))).rejects.toMatchObject(conflict)
      await expect(target.write(batchOf(4, [upsert('z', 9)]))).rejects.toMatchObject(conflict)
      const other = { generation: 0 }
      await expect(target.write(batchOf(3, [upsert('z', 9)], other))).rejects.toMatchObject(
        conflict,
      )
      expect(await keysOf()).toEqual(['a'])
    })

    test('a process that was overtaken is refused, and the newer one’s rows stay', async () => {
      const slow = await openTarget()
      const fast = await openTarget()
      await slow.write(batchOf(1, [upsert('a', 1, { name: '一' })]))
      await fast.write(batchOf(2, [upsert('a', 2, { name: '二' })]))
      await fast.write(batchOf(3, [upsert('a', 3, { name: '三' })], { generation: 2 }))
      await expect(slow.write(batchOf(2, [upsert('a', 9, { name: '旧' })]))).rejects.toMatchObject(
        conflict,
      )
      await expect(slow.finish(endOf(1))).rejects.toMatchObject(conflict)
      expect(await rowsOf()).toMatchObject([{ _key: 'a', name: '三' }])
    })

    // Within one process SQLite cannot wait for its own lock.
    if (title !== 'SQLite') {
      test('two processes that write the same batch at once write it once', async () => {
        const [one, two] = [await openTarget(), await openTarget()]
        const batch = batchOf(1, [upsert('a', 1)])
        await Promise.all([one.write(batch), two.write(batch)])
        expect(await keysOf()).toEqual(['a'])
        expect(await one.lastBatch()).toMatchObject({ number: 1 })
      })
    }

    test('the store knows the last batch and the position that came with it', async () => {
      const target = await openTarget()
      expect(await target.lastBatch()).toBeNull()
      const position = { seq: 12, base: '基🀄', at: '2026-11-22T08:00:00.123456Z' }
      await target.write(batchOf(7, [upsert('a', 12)], { position }))
      await target.write(batchOf(8, [], { position: { ...position, seq: 13 } }))
      const again = await openTarget()
      expect(await again.lastBatch()).toEqual({
        number: 8,
        generation: 1,
        position: { ...position, seq: 13 },
        checkpoint: null,
      })
    })

    test('the store keeps the last checkpoint that came, until it is emptied', async () => {
      const target = await openTarget()
      const note = 'log\n7\nroot=\n\n— log 甲+/=\n'
      await target.write(batchOf(1, [upsert('a', 1)], { checkpoint: note }))
      expect(await target.lastBatch()).toMatchObject({ checkpoint: note })
      // A batch without one leaves what is there.
      await target.write(batchOf(2, [upsert('a', 2)], { checkpoint: null }))
      expect(await (await openTarget()).lastBatch()).toMatchObject({ number: 2, checkpoint: note })
      await session.execute(`update shuqiao_deliveries set checkpoint = null`)
      expect(await target.lastBatch()).toMatchObject({ number: 2, checkpoint: null })
    })

    test('a control table from before checkpoints goes on without, until it has the column', async () => {
      await openTarget()
      await session.execute(`alter table shuqiao_deliveries drop column checkpoint`)
      const target = await openTarget()
      await target.write(batchOf(1, [upsert('a', 1)], { checkpoint: 'note' }))
      expect(await target.lastBatch()).toMatchObject({ number: 1, checkpoint: null })
      const type = title.startsWith('M') ? 'longtext' : 'text'
      await session.execute(`alter table shuqiao_deliveries add column checkpoint ${type}`)
      const again = await openTarget()
      await again.write(batchOf(2, [upsert('a', 2)], { checkpoint: 'note' }))
      expect(await again.lastBatch()).toMatchObject({ number: 2, checkpoint: 'note' })
    })

    test('a process that dies within a batch leaves nothing of it; the batch then comes whole', async () => {
      const dying = async (): Promise<SqlSession> => {
        const real = await store.connect()
        const dyingInside = (inside: SqlSession): SqlSession => ({
          ...inside,
          execute: async (text, values) => {
            if (/^update .*shuqiao_deliveries.*batch_number/s.test(text)) throw new Error('killed')
            return inside.execute(text, values)
          },
        })
        return {
          ...real,
          transaction: (work) => real.transaction((inside) => work(dyingInside(inside))),
        }
      }
      const target = await openTarget({ connect: dying })
      const batch = batchOf(1, [upsert('a', 1), upsert('b', 2)])
      await expect(target.write(batch)).rejects.toThrow('killed')
      expect(await rowsOf()).toEqual([])
      expect(await target.lastBatch()).toBeNull()
      const next = await openTarget()
      await next.write(batch)
      expect(await keysOf()).toEqual(['a', 'b'])
    })

    test('a full load deletes what older generations left, and says so once', async () => {
      const target = await openTarget()
      await target.write(
        batchOf(
          1,
          ['a', 'b', 'c'].map((key, index) => upsert(key, index + 1)),
        ),
      )
      await target.write(batchOf(2, [upsert('b', 2)], { generation: 2 }))
      expect(await target.finish(endOf(2, { isFull: false }))).toEqual({ deletedCount: 0 })
      expect(await target.finish(endOf(2))).toEqual({ deletedCount: 2 })
      expect(await target.finish(endOf(2))).toEqual({ deletedCount: 0 })
      expect(await keysOf()).toEqual(['b'])
    })

    test('a full load of nothing empties the table', async () => {
      const target = await openTarget()
      await target.write(batchOf(1, [upsert('a', 1), upsert('b', 2)]))
      expect(await target.finish(endOf(2))).toEqual({ deletedCount: 2 })
      expect(await rowsOf()).toEqual([])
      await target.write(batchOf(2, [upsert('c', 3)], { generation: 2 }))
      expect(await keysOf()).toEqual(['c'])
    })

    test('thousands of rows go in and out in slices', async () => {
      const many = Array.from({ length: 45_000 }, (_, index) =>
        upsert(`k${index}`, index + 1, { count: index }),
      )
      const target = await openTarget()
      await target.write(batchOf(1, many))
      await target.write(
        batchOf(
          2,
          many.filter((_, index) => index % 10 === 0),
          { generation: 2 },
        ),
      )
      expect(await target.finish(endOf(2))).toEqual({ deletedCount: 40_500 })
      const removals = Array.from({ length: 1000 }, (_, index) => removal(`k${index * 10}`, 99_999))
      await target.write(batchOf(3, removals, { generation: 2 }))
      const [row] = await session.query<{ n: string }>('select count(*) as n from people')
      expect(Number(row?.n)).toBe(3500)
    })

    test('an existing table may have columns of its own, which are left alone', async () => {
      await (await openTarget()).close()
      await session.execute('alter table people add column remark varchar(20)')
      const target = await openTarget()
      await target.write(batchOf(1, [upsert('a', 1)]))
      await session.execute("update people set remark = '已核'")
      await target.write(batchOf(2, [upsert('a', 2, fullValues)]))
      expect(await rowsOf()).toMatchObject([{ remark: '已核', name: fullValues.name }])
    })

    test('a table into which the delivery does not fit is refused, naming every column', async () => {
      await session.execute(
        `create table people (${q('_key')} varchar(256) primary key, ${q('_seq')} bigint, ${q('idNumber')} date,
          ${q('name')} varchar(50) not null, ${q('capital')} float, legacy bigint not null)`,
      )
      const refusal: unknown = await openTarget().catch((error: unknown) => error)
      expect(refusal).toMatchObject(conflict)
      const { errors, message } = refusal as {
        errors: { pointer: string; code: string }[]
        message: string
      }
      const codes = Object.fromEntries(errors.map(({ pointer, code }) => [pointer, code]))
      expect(codes).toMatchObject({
        '/columns/_generation': 'missing',
        '/columns/_delivered_at': 'missing',
        '/columns/capital': 'unfit',
        '/columns/legacy': 'unfilled',
        '/columns/note': 'missing',
        '/columns/seenAt': 'missing',
      })
      expect(errors.some(({ pointer }) => pointer === '/columns/name')).toBe(true)
      for (const { pointer } of errors) expect(message).toContain(pointer.slice('/columns/'.length))
    })

    test('a table whose key is not unique, or in which something else is, is refused', async () => {
      await (await openTarget()).close()
      await session.execute(`create unique index people_once on people (${q('idNumber')})`)
      await expect(openTarget()).rejects.toMatchObject({ errors: [{ code: 'also-unique' }] })
      await session.execute(
        title === 'MariaDB' ? 'drop index people_once on people' : 'drop index people_once',
      )
      await session.execute(`create table other as select * from people`)
      await expect(
        openTarget({ table: 'other', shape: { ...shape, delivery: 'd2' } }),
      ).rejects.toMatchObject({ code: 'state-conflict' })
      await session.execute('drop table other')
    })

    test('a table that another delivery fills, or that already has rows, is refused', async () => {
      const target = await openTarget()
      await target.write(batchOf(1, [upsert('a', 1)]))
      const other = { ...shape, delivery: 'other' }
      await expect(openTarget({ shape: other })).rejects.toMatchObject(conflict)
      await session.execute('delete from shuqiao_deliveries')
      await expect(openTarget({ shape: other })).rejects.toMatchObject(conflict)
      await expect(target.write(batchOf(2, [upsert('b', 2)]))).rejects.toMatchObject(conflict)
      await session.execute('delete from people')
      await openTarget({ shape: other })
    })

    test('names are quoted, whatever they are, and none may be the hub’s own', async () => {
      const odd = { name: 'select "x" `y` 字段', title: "o'", type: 'text' as const }
      const target = await openTarget({ shape: { delivery: 'd', columns: [odd] } })
      await target.write(batchOf(1, [{ ...upsert('a', 1), values: { [odd.name]: '值' } }]))
      expect(await rowsOf()).toMatchObject([{ [odd.name]: '值' }])
      const own = {
        delivery: 'd',
        columns: [{ name: '_SEQ', title: '序', type: 'integer' as const }],
      }
      await expect(openTarget({ shape: own })).rejects.toMatchObject(conflict)
    })

    test('a value that does not fit is refused without being told to anyone', async () => {
      const target = await openTarget()
      const secret = "1101'05"
      for (const values of [{ capital: '1.1234567' }, { bornOn: secret }, { count: secret }]) {
        if (title === 'SQLite' && !('capital' in values)) continue
        const refusal: unknown = await target
          .write(batchOf(1, [upsert('a', 1, values)]))
          .catch((e: unknown) => e)
        expect(refusal).toMatchObject(conflict)
        expect(String(refusal)).not.toMatch(/1101|05/)
      }
      expect(await rowsOf()).toEqual([])
    })

    describe('as an exchange table', () => {
      const exchange = {
        operation: 'cd_operation',
        batch: 'cd_batch',
        time: 'cd_time',
        mark: 'cd_taken',
        receipts: 'receipts',
        rejects: 'rejects',
      }
      const more = { table: 'exchange', exchange }

      test('every change is a row with operation, batch and time; nothing is replaced', async () => {
        const target = await openTarget(more)
        await target.write(batchOf(1, [upsert('a', 1, fullValues), upsert('b', 2)]))
        await target.write(batchOf(2, [upsert('a', 3, { name: '新' }), removal('b', 4)]))
        const rows = (await rowsOf('exchange')).map((row) => [
          row['cd_batch'],
          row['_key'],
          row['cd_operation'],
          row['name'],
          row['cd_taken'],
        ])
        expect(rows.toSorted((one, two) => (String(one) < String(two) ? -1 : 1))).toEqual([
          ['1', 'a', 'U', fullValues.name, null],
          ['1', 'b', 'U', null, null],
          ['2', 'a', 'U', '新', null],
          ['2', 'b', 'D', null, null],
        ])
        expect((await rowsOf('exchange'))[0]?.['cd_time']).toMatch(/^2026-11-22[ T]08:30:00\.5/)
      })

      test('a batch comes once, an older one never, and a full load deletes nothing', async () => {
        const target = await openTarget(more)
        await target.write(batchOf(1, [upsert('a', 1)]))
        await target.write(batchOf(1, [upsert('a', 1)]))
        await target.write(batchOf(2, [upsert('b', 2)], { generation: 2 }))
        await expect(target.write(batchOf(1, [upsert('c', 3)]))).rejects.toMatchObject(conflict)
        expect(await target.finish(endOf(2))).toEqual({ deletedCount: 0 })
        expect(await rowsOf('exchange')).toHaveLength(2)
      })

      test('an existing exchange table is checked', async () => {
        await session.execute(`create table exchange (${q('_key')} varchar(256), cd_batch bigint)`)
        const refusal: unknown = await openTarget(more).catch((error: unknown) => error)
        expect(refusal).toMatchObject(conflict)
        expect(String(refusal)).toContain('cd_operation')
        expect(String(refusal)).toContain('cd_taken')
      })
    })

    test('columns are those of the delivery, no more and no less', async () => {
      await openTarget()
      await session.execute(
        `insert into people (${q('_key')}, ${q('_seq')}, ${q('_generation')}, ${q('_delivered_at')}) values ('a', 1, 1, '2026-11-22 08:00:00')`,
      )
      const [row] = await rowsOf()
      expect(Object.keys(row ?? {})).toEqual([
        '_key',
        '_seq',
        '_generation',
        '_delivered_at',
        ...columns.map(({ name }) => name),
      ])
    })
  })
}
