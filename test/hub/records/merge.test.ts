import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LandingRow } from '../../../src/hub/records/encode.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { mergeStatements } from '../../../src/hub/records/merge-statements.ts'
import {
  licenceFields,
  listedFields,
  makeResource,
  personFields,
  type TestResource,
} from './merge-fixture.ts'

let testDatabase: TestDatabase
let made = 0

beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.drop())

const persons = (): Promise<TestResource> =>
  makeResource(testDatabase, `persons-${(made += 1)}`, {
    fields: personFields,
    identityFields: ['idNumber'],
  })

const person = (
  key: string,
  more: Partial<LandingRow> & { values?: object } = {},
): Partial<LandingRow> => ({
  key,
  ...more,
  values: { id: key, idNumber: `N-${key}`, name: '王伟', division: '430182', ...more.values },
})

/** The three ways in: by stage and comparison, by stage and insertion, straight into the records. */
const ways = [
  { way: 'compared', options: {} },
  { way: 'inserted from the stage', options: { expectNew: true } },
  { way: 'copied straight in', options: { expectNew: true, expectAllNew: true } },
]

describe.each(ways)('rows that are $way', ({ options }) => {
  test('land with change numbers in the order of the source, and nothing of them is lost', async () => {
    const resource = await persons()
    const awkward = 'a\\b\tc\nd\re\\N𠮷'
    const rows = [person('2', { values: { name: awkward, division: undefined } }), person('1')]
    const { counts, lastSeq } = await resource.land(rows, options)
    expect(counts).toMatchObject({ read: 2, inserted: 2, updated: 0, unchanged: 0, flagged: 0 })
    expect(lastSeq).toBe(2)
    expect(
      await resource.query(
        'select _key, _seq::integer, name, division from $records order by _seq',
      ),
    ).toEqual([
      { _key: '2', _seq: 1, name: awkward, division: null },
      { _key: '1', _seq: 2, name: '王伟', division: '430182' },
    ])
  })

  test('are unchanged when they come again, whichever way they came first', async () => {
    const resource = await persons()
    await resource.land([person('1'), person('2')], options)
    for (const { options: again } of ways) {
      const { counts, lastSeq } = await resource.land([person('1'), person('2')], again)
      expect(counts).toMatchObject({ inserted: 0, updated: 0, unchanged: 2 })
      expect(lastSeq).toBe(2)
    }
  })

  test('are settled one by one where some keys are known and others are not', async () => {
    const resource = await persons()
    await resource.land([person('1'), person('2')])
    const rows = [person('3'), person('2', { values: { name: '李娜' } }), person('1')]
    const { counts, lastSeq } = await resource.land(rows, options)
    expect(counts).toMatchObject({ read: 3, inserted: 1, updated: 1, unchanged: 1 })
    expect(lastSeq).toBeGreaterThanOrEqual(4)
    expect((await resource.record('2'))?.['name']).toBe('李娜')
    expect(await resource.query('select _key from $records_history')).toEqual([{ _key: '2' }])
  })

  test('that share a number with each other or with a record are flagged, both of them', async () => {
    const resource = await persons()
    await resource.land([person('1', { values: { idNumber: 'X' } })], options)
    const rows = [
      person('2', { values: { idNumber: 'X' } }),
      person('3', { values: { idNumber: 'Y' } }),
      person('4', { values: { idNumber: 'Y' } }),
      person('5'),
    ]
    const { counts, lastSeq } = await resource.land(rows, options)
    expect(counts).toMatchObject({ inserted: 4, flagged: 3 })
    const flagged = await resource.query(
      'select _key from $records where _flags is not null order by _key',
    )
    expect(flagged.map(({ _key }) => _key)).toEqual(['1', '2', '3', '4'])
    const [last] = await resource.query(
      'select max(_seq)::integer as seq, count(distinct _seq)::integer as count from $records',
    )
    expect(last).toEqual({ seq: lastSeq, count: 5 })
  })

  test('count a shared number once and not the flags of records that they do not touch', async () => {
    const resource = await persons()
    await resource.land([
      person('1', { values: { idNumber: 'X' } }),
      person('2', { values: { idNumber: 'X' } }),
    ])
    const { counts } = await resource.land([person('3'), person('4')], options)
    expect(counts).toMatchObject({ inserted: 2, flagged: 0 })
  })
})

describe('order', () => {
  const old = '2026-01-01T00:00:00.000Z'
  const young = '2026-02-01T00:00:00.000Z'

  test('a row older than the record is stale and writes nothing', async () => {
    const resource = await persons()
    await resource.land([person('1', { sourceUpdatedAt: young })])
    const late = person('1', { sourceUpdatedAt: old, values: { name: '旧名' } })
    const { counts, lastSeq } = await resource.land([late])
    expect(counts).toMatchObject({ stale: 1, updated: 0 })
    expect(lastSeq).toBe(1)
    expect((await resource.record('1'))?.['name']).toBe('王伟')
  })

  test('a newer timestamp alone is noted, yet it is no change and gives no change number', async () => {
    const resource = await persons()
    await resource.land([person('1', { sourceUpdatedAt: old, values: { sourceUpdatedAt: old } })])
    const touched = person('1', { sourceUpdatedAt: young, values: { sourceUpdatedAt: young } })
    const { counts, lastSeq } = await resource.land([touched])
    expect(counts).toMatchObject({ unchanged: 1, updated: 0 })
    expect(lastSeq).toBe(1)
    const [stored] = await resource.query(
      `select to_json(_source_at)::text as at, to_json("sourceUpdatedAt")::text as told, _seq::integer from $records`,
    )
    expect(stored).toMatchObject({ _seq: 1 })
    expect(stored?.['at']).toContain('2026-02-01')
    expect(stored?.['told']).toContain('2026-02-01')
    expect(await resource.query('select 1 from $records_history')).toEqual([])
    expect(
      (await resource.land([person('1', { sourceUpdatedAt: old, values: { name: '旧名' } })]))
        .counts.stale,
    ).toBe(1)
  })

  test('a replayed row without a time does not overwrite what was received since', async () => {
    const resource = await persons()
    await resource.land([person('1')])
    const { counts } = await resource.land([person('1', { values: { name: '旧名' } })], {
      notAfter: '2020-01-01T00:00:00Z',
    })
    expect(counts).toMatchObject({ stale: 1, updated: 0 })
  })

  test('many changed rows among many that are not keep their own values', async () => {
    const resource = await persons()
    const keys = Array.from({ length: 3000 }, (_, at) => String(at))
    await resource.land(
      keys.map((key) => person(key)),
      { expectNew: true, expectAllNew: true },
    )
    const changed = keys.map((key) =>
      person(key, { values: Number(key) % 7 === 0 ? { name: `改${key}` } : {} }),
    )
    const { counts } = await resource.land(changed)
    expect(counts).toMatchObject({ updated: 429, unchanged: 2571 })
    const [right] = await resource.query(
      `select count(*)::integer as count from $records where name = case when _key::integer % 7 = 0 then '改' || _key else '王伟' end`,
    )
    expect(right).toEqual({ count: 3000 })
  })
})

describe('what is left of a former state', () => {
  test('a changed number keeps the former one as alias, the former version, and notes the departure', async () => {
    const resource = await persons()
    await resource.land([person('1')])
    await resource.land([person('1', { values: { idNumber: 'N-new', division: '430181' } })])
    expect(await resource.query('select value, field, _key from $records_aliases')).toEqual([
      { value: 'N-1', field: 'idNumber', _key: '1' },
    ])
    expect(await resource.query('select _seq::integer, former from $records_departures')).toEqual([
      { _seq: 2, former: { _flagged: false, division: '430182' } },
    ])
    expect(await resource.query('select _seq::integer, "idNumber" from $records_history')).toEqual([
      { _seq: 1, idNumber: 'N-1' },
    ])
  })

  describe('in a list that records are found by', () => {
    const listed = (): Promise<TestResource> =>
      makeResource(testDatabase, `listed-${(made += 1)}`, { fields: listedFields })
    const having = (key: string, formerNumbers: unknown, more: object = {}) =>
      person(key, { values: { formerNumbers, ...more } })
    const aliasesOf = async (resource: TestResource): Promise<unknown[][]> =>
      (
        await resource.query('select value, field, _key from $records_aliases order by 1, 2, 3')
      ).map(({ value, field, _key }) => [value, field, _key])

    test('what drops out is kept as alias, once, and what stays, moves or joins is not', async () => {
      const resource = await listed()
      await resource.land([
        having('1', ['A', 'B', 'A']),
        having('2', ['C']),
        having('3', ['D', "E'\\"]),
        having('4', ['F']),
        having('5', undefined),
      ])
      await resource.land([
        having('1', ['B', 'Z']),
        having('2', undefined),
        having('3', ["E'\\", 'D'], { name: '李娜' }),
        having('4', [], { idNumber: 'N-new' }),
        having('5', ['G']),
      ])
      expect(await aliasesOf(resource)).toEqual([
        ['A', 'formerNumbers', '1'],
        ['C', 'formerNumbers', '2'],
        ['F', 'formerNumbers', '4'],
        ['N-4', 'idNumber', '4'],
      ])
      await resource.land([having('1', ['A', 'B', 'Z'])])
      await resource.land([having('1', ['B', 'Z'])])
      expect((await aliasesOf(resource)).filter(([value]) => value === 'A')).toHaveLength(1)
    })

    test('a deletion keeps every value, and a row that is stale or overtaken none', async () => {
      const resource = await listed()
      const at = (day: string) => ({ sourceUpdatedAt: `2026-02-0${day}T00:00:00.000Z` })
      await resource.land([{ ...having('1', ['A', 'B']), ...at('2') }, having('2', ['C'])])
      await resource.land([{ ...having('1', []), ...at('1') }])
      expect(await aliasesOf(resource)).toEqual([])
      const gone = { operation: 'delete', status: 'deleted' } as const
      await resource.land([{ key: '1', ...gone, ...at('3') }])
      expect(await aliasesOf(resource)).toEqual([
        ['A', 'formerNumbers', '1'],
        ['B', 'formerNumbers', '1'],
        ['N-1', 'idNumber', '1'],
      ])
    })

    test('a value too long for any index drops out without stopping the batch', async () => {
      const resource = await listed()
      const long = randomBytes(4000).toString('base64url')
      await resource.land([having('1', ['A', long, null])])
      expect((await resource.land([having('1', [])])).counts).toMatchObject({ updated: 1 })
      expect(await aliasesOf(resource)).toEqual([['A', 'formerNumbers', '1']])
    })

    test('a house is not found by who once owned it: values of children are not kept', async () => {
      const resource = await listed()
      await resource.land([having('1', [], { homes: [{ unit: 'U1' }] })])
      await resource.land([having('1', [], { homes: [{ unit: 'U2' }] })])
      expect(await aliasesOf(resource)).toEqual([])
    })

    test('costs nothing where no list is looked up by: the statement does not speak of any', async () => {
      const [plain, lists] = [(await persons()).table, (await listed()).table]
      expect(mergeStatements(plain).keepAliases).not.toContain('jsonb')
      expect(mergeStatements(lists).keepAliases).toContain('jsonb')
    })
  })

  test('a change of nothing that grants filter by notes no departure', async () => {
    const resource = await persons()
    await resource.land([person('1')])
    await resource.land([person('1', { values: { name: '李娜' } })])
    expect(await resource.query('select 1 from $records_departures')).toEqual([])
  })

  test('a deletion empties the record, once, and a later row revives it', async () => {
    const resource = await persons()
    await resource.land([person('1')])
    const gone: Partial<LandingRow> = { key: '1', operation: 'delete', status: 'deleted' }
    expect((await resource.land([gone])).counts).toMatchObject({ deleted: 1, unchanged: 0 })
    expect(await resource.record('1')).toMatchObject({
      _status: 'deleted',
      name: null,
      idNumber: null,
    })
    expect((await resource.land([gone])).counts).toMatchObject({ deleted: 0, unchanged: 1 })
    expect(await resource.query('select value from $records_aliases')).toEqual([{ value: 'N-1' }])
    expect((await resource.land([person('1')])).counts).toMatchObject({ inserted: 1 })
    expect(await resource.record('1')).toMatchObject({ _status: 'current', name: '王伟' })
  })

  test('a deletion that comes before its row stands in its way only with a time', async () => {
    const resource = await persons()
    const at = '2026-02-01T00:00:00.000Z'
    const gone = (key: string, sourceUpdatedAt: string | null): Partial<LandingRow> => ({
      key,
      operation: 'delete',
      status: 'deleted',
      sourceUpdatedAt,
    })
    const { counts } = await resource.land([gone('1', at), gone('2', null)], {
      expectNew: true,
      expectAllNew: true,
    })
    expect(counts).toMatchObject({ unchanged: 2, inserted: 0, deleted: 0 })
    const late = '2026-01-01T00:00:00.000Z'
    const rows = [person('1', { sourceUpdatedAt: late }), person('2', { sourceUpdatedAt: late })]
    expect((await resource.land(rows)).counts).toMatchObject({ stale: 1, inserted: 1 })
  })
})

describe('flags that no row knows of', () => {
  const flagsOf = async (resource: TestResource, key: string): Promise<unknown> =>
    (await resource.record(key))?.['_flags']

  test('a shared number is flagged, and no more when one of the two gives it up or is deleted', async () => {
    const resource = await persons()
    const shared = (key: string) => person(key, { values: { idNumber: 'X' } })
    await resource.land([shared('1'), shared('2')])
    expect(await flagsOf(resource, '1')).toEqual(['key-shared'])
    await resource.land([person('2')])
    expect([await flagsOf(resource, '1'), await flagsOf(resource, '2')]).toEqual([null, null])
    await resource.land([shared('2')])
    expect(await flagsOf(resource, '1')).toEqual(['key-shared'])
    await resource.land([{ key: '2', operation: 'delete', status: 'deleted' }])
    expect([await flagsOf(resource, '1'), await flagsOf(resource, '2')]).toEqual([null, null])
  })

  test('a cancelled record shares its number with nobody', async () => {
    const resource = await persons()
    const shared = (key: string, status: LandingRow['status']) =>
      person(key, { status, values: { idNumber: 'X' } })
    await resource.land([shared('1', 'current'), shared('2', 'current')])
    await resource.land([shared('2', 'cancelled')])
    expect(await flagsOf(resource, '1')).toBeNull()
  })

  test('a row that only repeats a flagged record counts as flagged and leaves the flag', async () => {
    const resource = await persons()
    const rows = ['1', '2'].map((key) => person(key, { values: { idNumber: 'X' } }))
    await resource.land(rows)
    const { counts, lastSeq } = await resource.land(rows)
    expect(counts).toMatchObject({ unchanged: 2, flagged: 2 })
    expect(lastSeq).toBe(4)
    expect(await flagsOf(resource, '1')).toEqual(['key-shared'])
  })

  test('a refused newer version marks the record until the same facts are accepted again', async () => {
    const resource = await persons()
    await resource.land([person('1')])
    const reject = {
      line: 2,
      source: {},
      key: '1',
      reasons: [],
      standing: true,
      sourceUpdatedAt: null,
    }
    await resource.land([], { rejects: [reject] })
    expect(await flagsOf(resource, '1')).toEqual(['newer-version-refused'])
    const { counts, lastSeq } = await resource.land([person('1')])
    expect(counts).toMatchObject({ unchanged: 1 })
    expect(await flagsOf(resource, '1')).toBeNull()
    expect(lastSeq).toBe(3)
  })
})

describe('versions of one licence', () => {
  const licences = (): Promise<TestResource> =>
    makeResource(testDatabase, `licences-${(made += 1)}`, {
      fields: licenceFields,
      versionField: 'version',
    })
  const licence = (version: string, more: Partial<LandingRow> = {}): Partial<LandingRow> => ({
    key: 'L',
    values: { serial: 'L', version, name: `版本${version}` },
    ...more,
  })

  test('the highest is current however late the others come', async () => {
    const resource = await licences()
    await resource.land([licence('2')], { expectNew: true, expectAllNew: true })
    const { counts } = await resource.land([licence('1')])
    expect(counts).toMatchObject({ superseded: 1, updated: 0 })
    await resource.landLayers([[licence('9')], [licence('10')]])
    expect((await resource.record('L'))?.['version']).toBe('10')
    const kept = await resource.query(
      'select version, _status from $records_history order by version',
    )
    expect(kept).toEqual([
      { version: '1', _status: 'superseded' },
      { version: '2', _status: 'current' },
      { version: '9', _status: 'current' },
    ])
  })

  test('when the current one is cancelled, the highest living one is current again', async () => {
    const resource = await licences()
    await resource.landLayers([[licence('1')], [licence('2')]])
    await resource.land([licence('2', { status: 'cancelled' })])
    expect(await resource.record('L')).toMatchObject({ version: '1', _status: 'current' })
  })

  test('a cancelled version that gives way to one of another division leaves its followers', async () => {
    const resource = await makeResource(testDatabase, `licences-${(made += 1)}`, {
      fields: [...licenceFields, ...personFields.filter(({ name }) => name === 'division')],
      versionField: 'version',
    })
    const of = (version: string, division: string, more: Partial<LandingRow> = {}) =>
      licence(version, { values: { serial: 'L', version, division }, ...more })
    await resource.landLayers([[of('1', '430181')], [of('2', '430182')]])
    await resource.query('delete from $records_departures')
    await resource.land([of('2', '430182', { status: 'cancelled' })])
    const record = await resource.record('L')
    expect(record).toMatchObject({ version: '1', division: '430181', _status: 'current' })
    expect(await resource.query('select _seq, former from $records_departures')).toEqual([
      { _seq: record?.['_seq'], former: { _flagged: false, division: '430182' } },
    ])
    await resource.query('delete from $records_departures')
    await resource.land([of('1', '430181', { status: 'cancelled' })])
    expect(await resource.query('select former from $records_departures')).toEqual([])
  })
})
