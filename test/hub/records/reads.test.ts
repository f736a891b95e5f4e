import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishDraft } from '../../support/resources.ts'
import { buildWorld, peopleDraft, person, type World } from '../sharing/support.ts'

let world: World
const open = {
  number: 'none',
  name: 'none',
  formerNumbers: 'none',
  'homes.address': 'none',
} as const

beforeAll(async () => {
  world = await buildWorld()
  await world.grant(
    { fields: ['personId', 'number', 'formerNumbers', 'name', 'division', 'bornOn', 'homes'] },
    { masks: open },
  )
})
afterAll(() => world.hub.close())

const read = (key: string, more: object = {}) =>
  world.ask('POST', '/resources/people/records/read', { key, ...more })

test('a record is found by its merge key, a look-up value, `field:value`, a child’s value and a former number', async () => {
  await world.push('people', [
    person('p1', {
      formerNumbers: ['OLD1'],
      homes: [{ unit: 'U1', owner: '张三', address: '一号' }],
    }),
  ])
  for (const key of ['p1', 'Np1', 'number:Np1', 'personId:p1', 'U1', 'homes.unit:U1', 'OLD1']) {
    const answer = await read(key)
    expect([key, answer.statusCode, answer.json().record?.personId]).toEqual([key, 200, 'p1'])
  }
  await world.push('people', [person('p1', { number: 'NEW1' })])
  expect((await read('Np1')).json().record.number).toBe('NEW1')
  const { meta } = (await read('NEW1')).json()
  expect(meta).toMatchObject({
    resource: 'people',
    version: 1,
    status: 'current',
    quality: [],
    source: { department: 'police' },
  })
  expect(meta.source.runId).toMatch(/^[0-9a-f-]{36}$/)
  expect(meta.seq).toBeGreaterThan(0)
})

test('a number that two current records carry is ambiguous, and narrowed by another field', async () => {
  await world.push('people', [
    person('s1', { number: 'SHARED' }),
    person('s2', { number: 'SHARED' }),
  ])
  const answer = await read('SHARED')
  expect([answer.statusCode, answer.json().code]).toEqual([409, 'key-ambiguous'])
  expect((await read('personId:s2')).json().record.personId).toBe('s2')
  const queried = await world.ask('POST', '/resources/people/records/query', { keys: ['SHARED'] })
  expect(queried.json().code).toBe('key-ambiguous')
})

test('a number belongs to whoever has it now, not to who had it before', async () => {
  await world.push('people', [person('h1', { number: 'MOVING' })])
  await world.push('people', [
    person('h1', { number: 'OTHER' }),
    person('h2', { number: 'MOVING' }),
  ])
  expect((await read('MOVING')).json().record.personId).toBe('h2')
})

test('a number that dropped out of the list of former ones still finds the record, by its field too', async () => {
  await world.push('people', [person('d1', { formerNumbers: ['DROPPED', 'KEPT'] })])
  await world.push('people', [person('d1', { formerNumbers: ['KEPT'] })])
  for (const key of ['DROPPED', 'formerNumbers:DROPPED', 'KEPT', 'formerNumbers:KEPT']) {
    expect([key, (await read(key)).json().record?.personId]).toEqual([key, 'd1'])
  }
  const queried = await world.ask('POST', '/resources/people/records/query', {
    keys: ['formerNumbers:DROPPED', 'DROPPED', 'number:DROPPED'],
  })
  const found = queried
    .json()
    .items.map((item: { record: { personId: string } } | null) => item?.record?.personId ?? null)
  expect(found).toEqual(['d1', 'd1', null])
})

test('a former number that was put right belongs to the record that lists it now, alone', async () => {
  await world.push('people', [
    person('w1', { formerNumbers: ['WRONG'] }),
    person('w2', { formerNumbers: [] }),
  ])
  await world.push('people', [
    person('w1', { formerNumbers: [] }),
    person('w2', { formerNumbers: ['WRONG'] }),
  ])
  for (const key of ['WRONG', 'formerNumbers:WRONG']) {
    expect([key, (await read(key)).json().record?.personId]).toEqual([key, 'w2'])
  }
  const queried = await world.ask('POST', '/resources/people/records/query', { keys: ['WRONG'] })
  expect(queried.json().items[0].record.personId).toBe('w2')
  await world.push('people', [{ personId: 'w2' }], 'delete')
  expect((await read('WRONG')).json().record?.personId).toBe('w1')
})

test('a deleted record is as absent as one that never was', async () => {
  await world.push('people', [person('gone')])
  await world.push('people', [{ personId: 'gone' }], 'delete')
  const [deleted, never] = [await read('gone'), await read('never-was')]
  expect(deleted.statusCode).toBe(404)
  const words = ({ title, detail, code }: Record<string, string>) => ({ title, detail, code })
  expect(words(deleted.json())).toEqual(words(never.json()))
})

test('only the fields asked for are returned, children part by part', async () => {
  await world.push('people', [
    person('f1', { homes: [{ unit: 'F1', owner: '王五', address: '二号' }] }),
  ])
  const answer = await read('f1', { fields: ['name', 'homes.owner'] })
  expect(answer.json().record).toEqual({ name: '张三', homes: [{ owner: '王五' }] })
  const got = await world.ask('GET', '/resources/people/records/f1?fields=bornOn,division')
  expect(got.json().record).toEqual({ bornOn: '1990-01-01', division: 'A' })
})

test('a query answers in order, null for what is absent, one subject of the log for each key', async () => {
  await world.push('people', [person('q1'), person('q2', { number: 'Q2X' })])
  const keys = ['Q2X', 'nobody', 'personId:q1', 'q2']
  const answer = await world.ask('POST', '/resources/people/records/query', {
    keys,
    fields: ['personId'],
  })
  const found = answer.json().items.map((item: { record: object } | null) => item?.record ?? null)
  expect(found).toEqual([{ personId: 'q2' }, null, { personId: 'q1' }, { personId: 'q2' }])
  expect(world.hub.entries.at(-1)).toMatchObject({
    operation: 'records.query',
    rowCount: 3,
    subjects: ['q2', 'nobody', 'q1', 'q2'].map((key) => ({ resource: 'people', key })),
  })
  const many = Array.from({ length: 501 }, (_, index) => `k${index}`)
  const refused = await world.ask('POST', '/resources/people/records/query', { keys: many })
  expect(refused.statusCode).toBe(400)
})

test('lists go by indexed and look-up fields and their children, page by page', async () => {
  const rows = Array.from({ length: 5 }, (_, index) =>
    person(`l${index}`, { division: 'L', homes: [{ unit: `L${index % 2}`, owner: '甲' }] }),
  )
  await world.push('people', rows)
  const seen: string[] = []
  let after = ''
  do {
    const path = `/resources/people/records?division=L&limit=2&fields=personId${after}`
    const page = (await world.ask('GET', path)).json()
    seen.push(...page.items.map((item: { record: { personId: string } }) => item.record.personId))
    after = page.next === null ? '' : `&after=${page.next}`
  } while (after !== '')
  expect(seen).toEqual(['l0', 'l1', 'l2', 'l3', 'l4'])
  const where = { 'homes.unit': 'L1' }
  const byChild = await world.ask('POST', '/resources/people/records/list', {
    where,
    fields: ['personId'],
  })
  expect(byChild.json().items.map((item: { record: object }) => item.record)).toEqual([
    { personId: 'l1' },
    { personId: 'l3' },
  ])
  const unindexed = await world.ask('POST', '/resources/people/records/list', {
    where: { bornOn: '1990-01-01' },
  })
  expect(unindexed.json()).toMatchObject({
    code: 'request-invalid',
    errors: [{ pointer: '/where/bornOn' }],
  })
})

test('as of an instant, the record is answered as it was then', async () => {
  await publishDraft(world.hub, {
    ...peopleDraft('registered'),
    fields: undefined,
    key: undefined,
    standard: 'population',
  })
  const resident = (hukouAddress: string) => ({
    sourcePersonId: 'r1',
    name: '赵六',
    noIdReason: '无户口人员',
    sex: '1',
    birthDate: '1980-05-05',
    ethnicity: '01',
    hukouDivision: '430182',
    hukouAddress,
  })
  await world.push('registered', [resident('旧址')])
  const before = (await world.hub.app.hub.database.knex.raw('select clock_timestamp() as at'))
    .rows[0].at as string
  await new Promise((resolve) => setTimeout(resolve, 5))
  await world.push('registered', [resident('新址')])
  const fields = ['hukouAddress']
  await world.grant({ resource: 'registered', fields }, { masks: { hukouAddress: 'none' } })
  const path = '/resources/registered/records/read'
  const then = await world.ask('POST', path, { key: 'r1', asOf: before })
  const now = await world.ask('POST', path, { key: 'r1' })
  expect([then.json().record, now.json().record]).toEqual([
    { hukouAddress: '旧址' },
    { hukouAddress: '新址' },
  ])
  const early = await world.ask('POST', path, { key: 'r1', asOf: '2001-01-01T00:00:00Z' })
  expect(early.statusCode).toBe(404)
  const unkept = await read('p1', { asOf: before })
  expect(unkept.json().errors[0].pointer).toBe('/asOf')
})

test('no answer says more of a record’s faults than their codes', async () => {
  await publishDraft(world.hub, peopleDraft('doubtful', { strictness: 'lenient' }))
  await world.push('doubtful', [person('d1', { height: 'tall as a tree' })])
  await world.grant({ resource: 'doubtful' })
  const answer = await world.ask('POST', '/resources/doubtful/records/read', { key: 'd1' })
  expect(answer.json().meta.quality.length).toBeGreaterThan(0)
  expect(answer.body).not.toContain('tree')
})
