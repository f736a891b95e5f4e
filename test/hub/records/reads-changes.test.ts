import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { purgeTombstones } from '../../../src/hub/records/purge-tombstones.ts'
import { readChanges, readCursor, writeCursor } from '../../../src/hub/records/read-changes.ts'
import { compileReading } from '../../../src/hub/records/reading.ts'
import { resolveKeys, sequencesOf } from '../../../src/hub/records/record-keys.ts'
import { publishDraft } from '../../support/resources.ts'
import { buildWorld, peopleDraft, person, type World } from '../sharing/support.ts'

let world: World
beforeAll(async () => {
  world = await buildWorld()
  await publishDraft(world.hub, peopleDraft('moving', { strictness: 'lenient' }))
  await world.grant({ resource: 'people', fields: ['personId', 'division'] })
})
afterAll(() => world.hub.close())

interface Item {
  seq: number
  op: 'upsert' | 'delete'
  key: string
  record?: Record<string, unknown>
}
interface Page {
  items: Item[]
  next: string
}

const follow = async (token: string, resource: string, query: string): Promise<Page> => {
  const answer = await world.hub.call('GET', `/v1/resources/${resource}/changes?${query}`, {
    token,
    headers: { 'x-purpose': 'item-1', 'x-operator': 'x' },
  })
  if (answer.statusCode !== 200) throw new Error(answer.json().code)
  return answer.json()
}

/** Follows to the end. */
async function drain(token: string, resource: string, after: string, limit = 3): Promise<Page> {
  const items: Item[] = []
  for (let next = after; ;) {
    const page = await follow(token, resource, `limit=${limit}&after=${next}`)
    next = page.next
    if (page.items.length === 0) return { items, next }
    items.push(...page.items)
  }
}

const numberOf = async (resource: string): Promise<number> => {
  const row = await world.hub.app.hub.database
    .knex('hub.resources')
    .where({ id: resource })
    .first('number')
  return row.number
}

test('changes come in order, folded to the last of each record, and the end is an empty page with a cursor', async () => {
  const start = (await drain(world.desk, 'people', '0')).next
  await world.push('people', [person('c1'), person('c2'), person('c3')])
  await world.push('people', [person('c1', { division: 'B' })])
  await world.push('people', [{ personId: 'c2' }], 'delete')
  const { items, next } = await drain(world.desk, 'people', start, 2)
  expect(items.map(({ op, key }) => [op, key])).toEqual([
    ['upsert', 'c3'],
    ['upsert', 'c1'],
    ['delete', 'c2'],
  ])
  expect(items[1]?.record).toEqual({ personId: 'c1', division: 'B' })
  const seqs = items.map(({ seq }) => seq)
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  const again = await follow(world.desk, 'people', `after=${next}`)
  expect(again).toEqual({ items: [], next })
  expect(world.hub.entries.at(-1)).toMatchObject({ operation: 'records.changes', rowCount: 0 })
})

test('the log is told the range of change numbers that an answer covered', async () => {
  const start = (await drain(world.desk, 'people', '0')).next
  await world.push('people', [person('range')])
  const page = await follow(world.desk, 'people', `after=${start}`)
  const through = Number(page.next)
  expect(world.hub.entries.at(-1)?.sequenceRange).toEqual({ after: Number(start), through })
  const served = await world.hub.app.hub.catalog.served('people')
  if (!served) throw new Error('people is served')
  const { pool } = world.hub.app.hub.database
  const [key] = await resolveKeys(pool, served, 'Nrange')
  expect(key).toBe('range')
  const sequences = await sequencesOf(pool, served, ['range'])
  expect(sequences.some((seq) => seq > Number(start) && seq <= through)).toBe(true)
})

test('a key whose field is masked is a keyed hash, the same in upsert and delete, and never the number', async () => {
  await publishDraft(world.hub, peopleDraft('hidden', { key: ['number'] }))
  await world.grant({ resource: 'hidden', fields: ['number', 'name'] })
  await world.push('hidden', [person('hidden-person')])
  const first = await drain(world.desk, 'hidden', '0')
  await world.push('hidden', [{ personId: 'hidden-person', number: 'Nhidden-person' }], 'delete')
  const second = await drain(world.desk, 'hidden', first.next)
  expect(first.items[0]?.key).toMatch(/^[\w-]{43}$/)
  expect(second.items.map(({ op, key }) => [op, key])).toEqual([['delete', first.items[0]?.key]])
  expect(JSON.stringify([first, second])).not.toContain('Nhidden-person')
})

test('a merge key that may come from a masked field is hidden for the records that have it from there', async () => {
  await publishDraft(world.hub, {
    ...peopleDraft('mixed'),
    fields: undefined,
    key: undefined,
    standard: 'population',
  })
  await world.grant({ resource: 'mixed', fields: ['sourcePersonId', 'idNumber', 'name'] })
  const resident = {
    name: '赵六',
    sex: '1',
    birthDate: '1990-01-01',
    ethnicity: '01',
    hukouDivision: '430182',
    hukouAddress: '某址',
  }
  const idNumber = '11010519491231002X'
  await world.push('mixed', [
    { ...resident, sourcePersonId: 'own-1', noIdReason: '无户口人员' },
    { ...resident, idNumber, sex: '2', birthDate: '1949-12-31' },
  ])
  const { items, next } = await drain(world.desk, 'mixed', '0')
  expect(items[0]?.key).toBe('own-1')
  expect(items[1]?.key).toMatch(/^[\w-]{43}$/)
  await world.push('mixed', [{ idNumber }], 'delete')
  const gone = await drain(world.desk, 'mixed', next)
  expect(gone.items).toMatchObject([{ op: 'delete', key: items[1]?.key }])
})

test('a cursor from before the purged tombstones has expired, a follower that began later goes on', async () => {
  await publishDraft(world.hub, peopleDraft('purged'))
  await world.grant({ resource: 'purged', fields: ['personId'] })
  await world.push('purged', [person('t1'), person('t2'), person('t3')])
  const old = await follow(world.desk, 'purged', 'limit=1')
  const settled = (await drain(world.desk, 'purged', '0')).next
  await world.push('purged', [{ personId: 't1' }], 'delete')
  const { bulkPool } = world.hub.app.hub.database
  const cleared = await purgeTombstones(
    bulkPool,
    await numberOf('purged'),
    new Date(Date.now() + 1000),
  )
  expect(cleared).toBe(4)
  await expect(follow(world.desk, 'purged', `after=${settled}`)).rejects.toThrow('cursor-expired')
  await expect(follow(world.desk, 'purged', `after=${old.next}`)).rejects.toThrow('cursor-expired')
  // A new follower pages through numbers below the purged ones and must not be turned away half-way.
  const { items } = await drain(world.desk, 'purged', '0', 1)
  expect(items.map(({ key }) => key)).toEqual(['t2', 't3'])
})

test('a page is empty at the end alone, however many changes before it are outside the rows', async () => {
  await publishDraft(world.hub, peopleDraft('sparse'))
  const grant = await world.grant({
    resource: 'sparse',
    fields: ['personId'],
    rows: { division: ['A'] },
  })
  const others = Array.from({ length: 300 }, (_, index) => person(`b${index}`, { division: 'B' }))
  await world.push('sparse', [...others, person('last')])
  const { catalog, database } = world.hub.app.hub
  const served = await catalog.served('sparse')
  if (!served) throw new Error('sparse is served')
  const rows = { division: ['A'] }
  const reading = compileReading(served, { columns: ['personId'], rows, unflaggedOnly: false })
  const versionOf = async (table: string, id: string): Promise<number> =>
    (await database.knex(table).where({ id }).first('version')).version
  const proof = {
    grantId: grant,
    grantVersion: await versionOf('hub.grants', grant),
    systemId: 'desk',
    systemVersion: await versionOf('hub.systems', 'desk'),
  }
  const call = { proof, cursor: readCursor('0'), limit: 1, windowRows: 1 }
  const answer = await readChanges(database.pool, { reading, isOpen: () => true }, call)
  if (answer.held !== 'all' || answer.found.kind !== 'changes') throw new Error('not read')
  expect(answer.found.items.map(({ key }) => key)).toEqual(['last'])
})

test('cursors are written and read alike', () => {
  const cursor = fc.record({ seq: fc.nat(), base: fc.option(fc.nat()) })
  fc.assert(
    fc.property(cursor, ({ seq, base }) => {
      const read = readCursor(writeCursor({ seq, base }))
      expect(read.seq).toBe(seq)
      expect(Math.max(read.seq, read.base ?? 0)).toBe(Math.max(seq, base ?? 0))
    }),
  )
})

const keys = ['a', 'b', 'c']
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: fc.constantFrom(...keys),
      division: fc.constantFrom('A', 'B', undefined),
      isFlagged: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('drop' as const), key: fc.constantFrom(...keys) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('poll' as const),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
)

interface Follower {
  token: string
  shows: (one: { division: string | undefined; isFlagged: boolean }) => boolean
}

async function makeFollowers(): Promise<Follower[]> {
  const make = async (
    system: string,
    grant: object,
    shows: Follower['shows'],
  ): Promise<Follower> => {
    const token = await world.hub.makeSystem(system, 'housing', 'business-system')
    await world.grant({
      resource: 'moving',
      system,
      fields: ['personId', 'height'],
      operations: ['changes'],
      ...grant,
    })
    return { token, shows }
  }
  const rows = { division: ['A'] }
  return [
    await make('follow-all', {}, () => true),
    await make('follow-rows', { rows }, ({ division }) => division === 'A'),
    await make('follow-unflagged', { unflaggedOnly: true }, ({ isFlagged }) => !isFlagged),
    await make(
      'follow-both',
      { rows, unflaggedOnly: true },
      ({ division, isFlagged }) => division === 'A' && !isFlagged,
    ),
  ]
}

test('whoever applies the feed ends with exactly the records that its grant shows, whatever happens in between', async () => {
  const followers = await makeFollowers()
  let run = 0
  const walk = async (
    steps: (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
  ): Promise<void> => {
    run += 1
    const name = (key: string): string => `${key}-${run}`
    const live = new Map<string, { division: string | undefined; isFlagged: boolean }>()
    const stores = await Promise.all(
      followers.map(async ({ token }) => {
        const { next } = await drain(token, 'moving', '0', 1000)
        return { next, held: new Set<string>() }
      }),
    )
    const poll = async (limit: number): Promise<boolean> => {
      let isAnyNew = false
      for (const [index, { token }] of followers.entries()) {
        const store = stores[index]
        if (!store) continue
        const page = await follow(token, 'moving', `limit=${limit}&after=${store.next}`)
        for (const { op, key } of page.items) store.held[op === 'upsert' ? 'add' : 'delete'](key)
        store.next = page.next
        isAnyNew ||= page.items.length > 0
      }
      return isAnyNew
    }
    for (const one of steps) {
      if (one.kind === 'poll') await poll(one.limit)
      else if (one.kind === 'drop') {
        await world.push('moving', [{ personId: name(one.key) }], 'delete')
        live.delete(name(one.key))
      } else {
        const { division, isFlagged } = one
        const row = person(name(one.key), { division, height: isFlagged ? 'no number' : '1.8' })
        await world.push('moving', [row])
        live.set(name(one.key), { division, isFlagged })
      }
    }
    while (await poll(2));
    for (const [index, { shows }] of followers.entries()) {
      const shown = [...live].filter(([, one]) => shows(one)).map(([key]) => key)
      expect([index, [...(stores[index]?.held ?? [])].toSorted()]).toEqual([
        index,
        shown.toSorted(),
      ])
    }
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 14 }), walk), { numRuns: 15 })
})

test('a record that was flagged and then moved still leaves a follower that saw it before', async () => {
  const registered = {
    ...peopleDraft('twins'),
    fields: undefined,
    key: undefined,
    standard: 'population',
  }
  await publishDraft(world.hub, registered)
  const token = await world.hub.makeSystem('late', 'housing', 'business-system')
  const grant = {
    resource: 'twins',
    system: 'late',
    fields: ['sourcePersonId'],
    operations: ['changes'],
  }
  await world.grant({ ...grant, rows: { hukouDivision: ['430182'] }, unflaggedOnly: true })
  const resident = (sourcePersonId: string, hukouDivision: string) => ({
    sourcePersonId,
    hukouDivision,
    idNumber: '11010519491231002X',
    name: '赵六',
    sex: '2',
    birthDate: '1949-12-31',
    ethnicity: '01',
    hukouAddress: '某址',
  })
  await world.push('twins', [resident('twice', '430182')])
  const before = await drain(token, 'twins', '0')
  expect(before.items.map(({ op }) => op)).toEqual(['upsert'])
  // A second record of the number flags the first: a departure that says nothing of its division.
  await world.push('twins', [resident('other', '110105')])
  await world.push('twins', [resident('twice', '110105')])
  const { items } = await drain(token, 'twins', before.next)
  expect(items.map(({ op, key }) => [op, key])).toEqual([['delete', before.items[0]?.key]])
})

test('a record that left and changed again is gone also for a follower that reads page by page', async () => {
  await publishDraft(world.hub, peopleDraft('leaving'))
  const rows = { division: ['A'] }
  await world.grant({ resource: 'leaving', fields: ['personId', 'name'], rows })
  await world.push('leaving', [person('gone'), person('other')])
  const start = (await drain(world.desk, 'leaving', '0')).next
  await world.push('leaving', [person('gone', { division: 'B' })])
  await world.push('leaving', [person('other', { name: '王五' })])
  await world.push('leaving', [person('gone', { division: 'B', name: '赵六' })])
  // The first page ends behind the departure and before the record's present number.
  const { items } = await drain(world.desk, 'leaving', start, 1)
  expect(items.map(({ op, key }) => [op, key])).toEqual([
    ['upsert', 'other'],
    ['delete', 'gone'],
  ])
})
