import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Source } from '../../../src/connectors/contract.ts'
import type { BoundConnector } from '../../../src/connectors/index.ts'
import { byCursor, everything, ids, take } from './reading.ts'
import type { ConformanceStore, SampleRow } from './store.ts'

const cursor = ['updated_at', 'id']
const at = (second: number, micros = 0): string =>
  new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString().slice(0, 19).replace('T', ' ') +
  `.${String(micros).padStart(6, '0')}`
const row = (id: number, updatedAt: string | null, name = `甲${id}`): SampleRow => ({
  id,
  updatedAt,
  name,
})

/** What every store promises, whatever it is. */
export function promisesOf(store: ConformanceStore, filesDirs: () => string[]): void {
  const opened: Source[] = []
  const open = (connector: BoundConnector, signal?: AbortSignal): Source => {
    const source = connector.openSource?.({ filesDirs: filesDirs(), signal })
    if (!source) throw new Error(`${store.name} has no source.`)
    opened.push(source)
    return source
  }

  describe.skipIf(store.missing !== null)(store.name, () => {
    beforeAll(() => store.start(), 120_000)
    afterEach(async () => {
      for (const source of opened.splice(0)) await source.close()
    })
    afterAll(() => store.stop())

    test('gives an empty store as no rows, and has no newest position of it', async () => {
      const { connector } = await store.make([])
      const source = open(connector)
      expect((await take(source, everything)).rows).toEqual([])
      if (store.can.cursor) expect(await source.newest(cursor)).toBeNull()
    })

    test('gives every row once, texts as they are and absent values as null', async () => {
      const rows = [
        row(1, at(0, 1), '𠮷野家\n"甲",\t\\N'),
        row(2, at(1), ''),
        { ...row(3, null), name: null },
      ]
      const { connector } = await store.make(rows)
      const taken = await take(open(connector), everything)
      expect(taken.rows.map(({ name }) => name)).toEqual(['𠮷野家\n"甲",\t\\N', '', null])
      expect(taken.rows.map((shown) => shown['updated_at'])).toEqual([
        store.shownTime(at(0, 1)),
        store.shownTime(at(1)),
        null,
      ])
    })

    test('a probe tells each stage and ends with the columns', async () => {
      const { connector } = await store.make([row(1, at(0))])
      const stages = await Array.fromAsync(connector.probe({ filesDirs: filesDirs() }))
      expect(stages.map(({ stage, ok }) => `${stage} ${ok}`)).toEqual([
        'resolve true',
        'connect true',
        'sign-in true',
        'privilege true',
        'sample true',
      ])
      expect(stages.at(-1)?.columns?.map(({ name }) => name)).toEqual(['id', 'updated_at', 'name'])
    })

    if (store.can.cursor) cursorPromises(store, open)
    if (store.can.loses) connectionPromises(store, open)
  })
  if (store.missing !== null) console.warn(store.missing)
}

type Open = (connector: BoundConnector, signal?: AbortSignal) => Source

function cursorPromises(store: ConformanceStore, open: Open): void {
  test('loses no row that ties with the position at which a run was broken off', async () => {
    const rows = [1, 2, 3, 4, 5, 6].map((id) => row(id, at(id < 2 ? 0 : 1)))
    const source = open((await store.make(rows)).connector)
    const first = await take(source, byCursor(['updated_at']), 3)
    const rest = await take(source, byCursor(['updated_at'], { after: first.position }))
    expect(new Set(ids([...first.rows, ...rest.rows]))).toEqual(new Set([1, 2, 3, 4, 5, 6]))
  })

  test('goes on right behind a row where the cursor tells all rows apart', async () => {
    const rows = [1, 2, 3, 4, 5, 6].map((id) => row(id, at(1)))
    const source = open((await store.make(rows)).connector)
    const first = await take(source, byCursor(cursor), 3)
    const rest = await take(source, byCursor(cursor, { after: first.position }))
    expect([ids(first.rows), ids(rest.rows)]).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
  })

  test('finds a row that was committed late with an older cursor, and never goes back for it', async () => {
    const table = await store.make([row(1, at(0)), row(2, at(100))])
    const source = open(table.connector)
    const { position } = await take(source, byCursor(cursor))
    await table.insert([row(3, at(95))])
    const again = await take(source, byCursor(cursor, { after: position, overlap: 60 }))
    expect(ids(again.rows)).toEqual([3, 2])
    expect(again.position).toEqual(position)
    const without = await take(source, byCursor(cursor, { after: position }))
    expect(ids(without.rows)).toEqual([])
  })

  test('leaves what changes during a read to the next run', async () => {
    const table = await store.make([row(1, at(0)), row(2, at(1))])
    const source = open(table.connector)
    const upTo = await source.newest(cursor)
    await table.insert([row(3, at(2))])
    await table.run(`update $table set updated_at = '${at(3)}' where id = 1`)
    const first = await take(source, byCursor(cursor, { upTo }))
    expect(ids(first.rows)).toEqual([2])
    const next = await take(source, byCursor(cursor, { after: first.position }))
    expect(ids(next.rows)).toEqual([3, 1])
  })

  test('gives rows without a cursor value in every run, before the others and without a position', async () => {
    const source = open((await store.make([row(1, null), row(2, at(1)), row(3, null)])).connector)
    const first = await take(source, byCursor(cursor))
    expect(ids(first.rows)).toEqual([1, 3, 2])
    expect(first.blocks[0]?.positionAfter(1)).toBeNull()
    const next = await take(source, byCursor(cursor, { after: first.position }))
    expect(ids(next.rows)).toEqual([1, 3])
  })

  test('keeps microseconds in positions', async () => {
    const source = open((await store.make([row(1, at(0, 1)), row(2, at(0, 2))])).connector)
    const first = await take(source, byCursor(['updated_at']), 1)
    const next = await take(
      source,
      byCursor(['updated_at'], {
        after: first.position,
        upTo: await source.newest(['updated_at']),
      }),
    )
    expect(ids(next.rows)).toContain(2)
    expect(source.inWords((await source.newest(cursor)) ?? {})).toMatch(
      /updated_at .*\.0*2.*, id 2/,
    )
  })

  test('reads a range of the first cursor column, its end left out', async () => {
    const rows = [1, 2, 3, 4].map((id) => row(id, at(id)))
    const source = open((await store.make([...rows, row(5, null)])).connector)
    const bounds = byCursor(cursor, { range: { from: at(2), to: at(4) } })
    expect(ids((await take(source, bounds)).rows)).toEqual([2, 3])
    expect(await source.count(bounds)).toBe(2)
  })

  test('an unordered table gives all its rows and no position', async () => {
    const rows = [row(1, at(2)), row(2, at(1))]
    const source = open((await store.make(rows, { key: false })).connector)
    const taken = await take(source, everything)
    expect(new Set(ids(taken.rows))).toEqual(new Set([1, 2]))
    expect(taken.position).toBeNull()
  })

  test('a table without a cursor is gone on with by its key', async () => {
    const rows = [3, 1, 2].map((id) => row(id, null))
    const source = open((await store.make(rows)).connector)
    const first = await take(source, everything, 2)
    expect(ids(first.rows)).toEqual([1, 2])
    const rest = await take(source, { ...everything, after: first.position })
    expect(ids(rest.rows)).toEqual([3])
  })

  test('refuses a position that was made by another cursor', async () => {
    const source = open((await store.make([row(1, at(0))])).connector)
    const after = await source.newest(['updated_at'])
    await expect(take(source, byCursor(cursor, { after }))).rejects.toMatchObject({
      code: 'state-conflict',
    })
  })

  test('names a cursor column that the table lacks', async () => {
    const source = open((await store.make([row(1, at(0))])).connector)
    await expect(take(source, byCursor(['gxsj']))).rejects.toThrow(/gxsj/)
  })

  test('pieces of any size give every row once, and count what they give', async () => {
    const row = fc.record({
      second: fc.integer({ min: 0, max: 4 }),
      micros: fc.constantFrom(0, 1, 500_000),
      isAbsent: fc.boolean(),
    })
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 20 }), sizes, async (made, sizes) => {
        const rows = made.map(({ second, micros, isAbsent }, index) => ({
          id: index + 1,
          updatedAt: isAbsent ? null : at(second, micros),
          name: '甲',
        }))
        const source = open((await store.make(rows)).connector)
        const absent = rows.filter(({ updatedAt }) => updatedAt === null).length
        const upTo = await source.newest(cursor)
        expect(await source.count(byCursor(cursor, { upTo }))).toBe(rows.length)
        const seen: number[] = []
        let after: typeof upTo = null
        for (let turn = 0; seen.length < rows.length - absent; turn++) {
          const bounds = byCursor(cursor, { after, upTo })
          const left = (await source.count(bounds)) ?? 0
          expect(left).toBe(rows.length - seen.length)
          const piece = await take(source, bounds, absent + (sizes[turn % sizes.length] ?? 1))
          seen.push(...ids(piece.rows.slice(absent)))
          after = piece.position
        }
        expect(new Set(seen).size).toBe(seen.length)
        expect(seen.length).toBe(rows.length - absent)
        await source.close()
      }),
      { numRuns: 15 },
    )
  })
}

const many = Array.from({ length: 30 }, (_, at) => at)

/** Rows enough that a store cannot have sent them all before the consumer has looked at the first. */
async function large(store: ConformanceStore) {
  const table = await store.make([row(1, at(1), '甲'.repeat(100))])
  for (const doubling of many.slice(0, 17)) {
    await table.run(`insert into $table select id + ${2 ** doubling}, updated_at, name from $table`)
  }
  return table
}

function connectionPromises(store: ConformanceStore, open: Open): void {
  const connections = async () => (await store.openConnections?.()) ?? 0

  test('a read that is left in the middle, by return or by a throw, gives its connection back', async () => {
    const source = open((await large(store)).connector)
    for await (const block of source.read(everything)) {
      expect(block.rows.length).toBeGreaterThan(0)
      break
    }
    const failing = async () => {
      for await (const block of source.read(byCursor(cursor)))
        throw new Error(`${block.rows.length}`)
    }
    await expect(failing()).rejects.toThrow(/^\d+$/)
    await source.close()
    await vi.waitFor(async () => expect(await connections()).toBe(0), {
      timeout: 45_000,
      interval: 50,
    })
  })

  test('a cancelled run ends its read with the reason, and its connections', async () => {
    const stop = new AbortController()
    const source = open((await large(store)).connector, stop.signal)
    const reason = new Error('cancelled by its operator')
    const reading = async () => {
      for await (const block of source.read(byCursor(cursor))) {
        if (block.rows.length > 0) stop.abort(reason)
      }
    }
    await expect(reading()).rejects.toBe(reason)
    await source.close()
    await vi.waitFor(async () => expect(await connections()).toBe(0), {
      timeout: 45_000,
      interval: 50,
    })
  })

  test('a connection lost in the middle is a source that cannot be reached, not an end', async () => {
    const source = open((await large(store)).connector)
    let rowCount = 0
    const reading = async () => {
      for await (const block of source.read(byCursor(cursor))) {
        if (rowCount === 0) await store.loseConnections?.()
        rowCount += block.rows.length
      }
    }
    await expect(reading()).rejects.toMatchObject({ code: 'source-unreachable' })
    expect(rowCount).toBeLessThan(2 ** 17)
  })
}
