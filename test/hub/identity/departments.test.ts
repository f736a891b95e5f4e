import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await buildTestHub()
})
afterAll(() => hub.close())

const create = (body: object, token = hub.adminToken) =>
  hub.call('POST', '/v1/departments', { token, body })
const change = (id: string, body: object) =>
  hub.call('PUT', `/v1/departments/${id}`, { token: hub.adminToken, body })
const base = { name: '市住建局', division: '430182' }

test('a department is registered with the least that is known, read again, and logged', async () => {
  const answer = await create({ id: 'housing', ...base })
  expect(answer.statusCode).toBe(201)
  expect(answer.json()).toEqual({
    id: 'housing',
    ...base,
    code: null,
    localCode: null,
    parent: null,
    kind: 'government-department',
    level: null,
    createdAt: expect.stringMatching(/Z$/),
  })
  const read = await hub.call('GET', '/v1/departments/housing', { token: hub.adminToken })
  expect(read.json()).toEqual(answer.json())
  expect(hub.entries.at(-1)).toMatchObject({
    operation: 'departments.create',
    note: { id: 'housing' },
  })
  expect(answer.headers['x-audit-id']).toBeTruthy()
})

test.each(['Housing', '1st', 'a_b', 'a b', '', 'x'.repeat(64), '住建局', 'a\n'])(
  'the id %j is no slug',
  async (id) => {
    expect((await create({ id, ...base })).json().errors[0].pointer).toBe('/id')
  },
)

test('an id of 63 characters is one', async () => {
  expect((await create({ id: 'x'.repeat(63), ...base })).statusCode).toBe(201)
})

test('an id or a credit code that another has is code-taken', async () => {
  await create({ id: 'twice', ...base })
  expect((await create({ id: 'twice', ...base })).json().code).toBe('code-taken')
  const code = '91350100M000100Y43' // the example in GB 32100-2015
  expect((await create({ id: 'coded', ...base, code })).statusCode).toBe(201)
  expect((await create({ id: 'coded-again', ...base, code })).json().code).toBe('code-taken')
})

test('faults that a schema cannot see come together: check digit and parent', async () => {
  const answer = await create({
    id: 'faulty',
    ...base,
    code: '91350100M000100Y44',
    parent: 'nowhere',
  })
  const found = answer
    .json()
    .errors.map(({ pointer, code }: Record<string, string>) => [pointer, code])
  expect(found).toEqual([
    ['/code', 'identifier-check-digit'],
    ['/parent', 'department-unknown'],
  ])
})

test('the tree has no cycles, however long', async () => {
  await create({ id: 'top', ...base })
  await create({ id: 'middle', ...base, parent: 'top' })
  await create({ id: 'leaf', ...base, parent: 'middle' })
  for (const parent of ['top', 'middle', 'leaf']) {
    const answer = await change('top', { ...base, parent })
    expect(answer.json().errors).toMatchObject([{ pointer: '/parent', code: 'parent-cycle' }])
  }
  expect((await change('leaf', { ...base, parent: 'top' })).json().parent).toBe('top')
  expect((await create({ id: 'self', ...base, parent: 'self' })).json().errors[0].code).toBe(
    'parent-cycle',
  )
})

test('two changes at once cannot close a cycle together', async () => {
  await create({ id: 'left', ...base })
  await create({ id: 'right', ...base })
  const answers = await Promise.all([
    change('left', { ...base, parent: 'right' }),
    change('right', { ...base, parent: 'left' }),
  ])
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200, 400]))
})

test('a change replaces the whole', async () => {
  await create({ id: 'renamed', ...base, localCode: '018', level: 'county' })
  const answer = await change('renamed', { name: '新名', division: '430100', kind: 'data-bureau' })
  expect(answer.json()).toMatchObject({
    name: '新名',
    division: '430100',
    localCode: null,
    level: null,
  })
  expect((await change('unknown', base)).json().code).toBe('not-found')
})

test('pages lead through all departments once, in order, and the last has no next', async () => {
  const seen: string[] = []
  let next: string | null = ''
  while (next !== null) {
    const query: string = next === '' ? '' : `&after=${next}`
    const answer = await hub.call('GET', `/v1/departments?limit=2${query}`, {
      token: hub.adminToken,
    })
    seen.push(...answer.json().items.map(({ id }: { id: string }) => id))
    next = answer.json().next
  }
  const ids = await hub.app.hub.database.knex('hub.departments').orderBy('id').pluck('id')
  expect(seen).toEqual(ids)
})

test.each(['limit=0', 'limit=1001', 'limit=x', 'after=nonsense', 'after=W10', 'after=WzEsMl0'])(
  'the query %s is refused',
  async (query) => {
    const answer = await hub.call('GET', `/v1/departments?${query}`, { token: hub.adminToken })
    expect(answer.json().code).toBe('request-invalid')
  },
)

test('only those who keep departments may change them; machines may not even list them', async () => {
  const operator = await hub.makeStaff('operator-1', ['operator'], 'housing')
  expect((await create({ id: 'own', ...base }, operator)).json().code).toBe('role-missing')
  expect((await hub.call('GET', '/v1/departments', { token: operator })).statusCode).toBe(200)
  const machine = await hub.makeSystem('front-1', 'housing')
  expect((await hub.call('GET', '/v1/departments', { token: machine })).json().code).toBe(
    'role-missing',
  )
})
