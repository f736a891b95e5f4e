import { afterAll, beforeAll, expect, test } from 'vitest'
import { Refusal } from '../../../src/shared/refusal.ts'
import { buildWorld, clockFromNoon, freshResource, person, type World } from './support.ts'

let world: World
let isLogDown = false

beforeAll(async () => {
  world = await buildWorld({
    clock: clockFromNoon(),
    auditLog: (log) => ({
      ...log,
      append: async (facts) => {
        if (isLogDown) throw new Refusal('unavailable')
        return log.append(facts)
      },
    }),
  })
  await world.push('people', [
    person('p1', {
      homes: [
        { unit: 'U1', owner: '张三', address: '幸福路一号' },
        { unit: 'U2', owner: '李四' },
      ],
    }),
    person('p2', { division: 'B', name: '王五' }),
  ])
})
afterAll(() => world.hub.close())

const fresh: ReturnType<typeof freshResource> = (...asked) => freshResource(world)(...asked)

const move = (grant: string, action: string) =>
  world.call(world.hub.adminToken, 'POST', `/grants/${grant}/transitions`, {
    action,
    ground: 'misuse',
    reason: '核查',
  })

test('a published resource without a grant is grant-missing, unknown and unpublished ones are not there', async () => {
  const read = (resource: string) =>
    world.ask('POST', `/resources/${resource}/records/read`, { key: 'p1' })
  const missing = await read('people')
  expect([missing.statusCode, missing.json().code]).toEqual([403, 'grant-missing'])
  expect((await read('nothing')).json().code).toBe('not-found')
  expect(missing.headers['x-audit-id']).toBeDefined()
  expect(world.hub.entries.at(-2)).toMatchObject({
    operation: 'records.read',
    outcome: 'denied',
    code: 'grant-missing',
    system: 'desk',
    resource: 'people',
    subjects: [{ resource: 'people', key: 'p1' }],
    purpose: 'item-1',
    operator: '李四',
  })
  const staff = await world.call(world.hub.adminToken, 'POST', '/resources/people/records/read', {
    key: 'p1',
  })
  expect(staff.json().code).toBe('role-missing')
})

test('every answer has its entry first, with what was returned about whom', async () => {
  const { grant, read } = await fresh('logged')
  const answer = await read('p1', { context: { caseNumber: '办件-1' } })
  expect(answer.statusCode).toBe(200)
  expect(answer.headers['x-audit-leaf']).toMatch(/^[0-9a-f]{64}$/)
  expect(world.hub.entries.at(-1)).toMatchObject({
    operation: 'records.read',
    outcome: 'allowed',
    system: 'desk',
    department: 'housing',
    grantIds: [grant],
    policyVersion: 1,
    subjects: [{ resource: 'logged', key: 'p1' }],
    rowCount: 1,
    purpose: 'item-1',
    operator: '李四',
    caseNumber: '办件-1',
    recordSeq: answer.json().meta.seq,
  })
  expect(world.hub.entries.at(-1)?.recordHash).toMatch(/^[0-9a-f]{32}$/)
  isLogDown = true
  const unlogged = await read('p1')
  isLogDown = false
  expect(unlogged.json().code).toBe('unavailable')
  // The day, not the year alone: four digits may stand by chance in the problem's id.
  expect(unlogged.body).not.toContain('1990-01')
})

test('purpose, operator and case number are demanded as the grant says', async () => {
  const { ask } = await fresh('contexts', {}, { caseNumberRequired: true })
  const code = async (headers: Record<string, string>, context?: object) =>
    (await ask('records/read', { key: 'p1', ...(context && { context }) }, headers)).json().code ??
    'ok'
  expect(await code({ 'x-purpose': '' })).toBe('purpose-required')
  expect(await code({ 'x-purpose': 'item-9' })).toBe('purpose-not-granted')
  expect(await code({ 'x-operator': '' })).toBe('operator-required')
  expect(await code({})).toBe('case-number-required')
  expect(await code({ 'x-case-number': encodeURIComponent('办件-2') })).toBe('ok')
  expect(world.hub.entries.at(-1)?.caseNumber).toBe('办件-2')
  expect(
    await code({ 'x-purpose': '' }, { purpose: 'item-1', operator: '甲', caseNumber: 'c' }),
  ).toBe('ok')
  expect(await code({ 'x-operator': '%E6%9' })).toBe('request-invalid')
  const items = [
    { key: 'p1', caseNumber: 'c1' },
    { key: 'p2', caseNumber: 'c2' },
  ]
  expect((await ask('records/query', { items })).statusCode).toBe(200)
  expect(world.hub.entries.at(-1)).toMatchObject({
    caseNumber: 'c1',
    note: { caseNumbers: ['c1', 'c2'] },
  })
  expect(
    (await ask('records/query', { items: [{ key: 'p1', caseNumber: 'c1' }, { key: 'p2' }] })).json()
      .code,
  ).toBe('case-number-required')
})

test('personal fields come masked by default, and a field that is not granted never comes', async () => {
  const { read } = await fresh('masked', {
    fields: ['number', 'name', 'bornOn', 'homes.owner', 'homes.address'],
  })
  const { record } = (await read('p1')).json()
  expect(Object.keys(record).toSorted()).toEqual(['bornOn', 'homes', 'name', 'number'])
  expect(record.bornOn).toBe('1990-01-01')
  expect(record.name).toMatch(/^[张*]\*|\*/)
  expect(record.number).not.toBe('Np1')
  expect(record.homes).toHaveLength(2)
  expect(Object.keys(record.homes[0]).toSorted()).toEqual(['address', 'owner'])
  expect(record.homes[0].address).not.toBe('幸福路一号')
  expect((await read('p1', { fields: ['division'] })).json().code).toBe('field-not-granted')
  expect((await read('p1', { fields: ['homes.unit'] })).json().code).toBe('field-not-granted')
})

test('a hash mask is the same for a value within a grant, and tells nothing across grants', async () => {
  const first = await fresh('hashed-1', { fields: ['name'] }, { masks: { name: 'hash' } })
  const second = await fresh('hashed-2', { fields: ['name'] }, { masks: { name: 'hash' } })
  const nameOf = async (read: typeof first.read) => (await read('p1')).json().record.name
  expect(await nameOf(first.read)).toBe(await nameOf(first.read))
  expect(await nameOf(first.read)).not.toBe(await nameOf(second.read))
})

test('a record outside the rows and one that does not exist are told alike, in every kind of call', async () => {
  const { ask, read } = await fresh(
    'rows',
    { rows: { division: ['A'] } },
    { masks: { number: 'none', name: 'none' } },
  )
  expect((await read('p1')).statusCode).toBe(200)
  const [outside, never] = [(await read('p2')).json(), (await read('p9')).json()]
  expect({ ...outside, instance: '' }).toEqual({ ...never, instance: '' })
  expect(
    (await ask('records/query', { keys: ['p2', 'p9', 'p1'] })).json().items.map(Boolean),
  ).toEqual([false, false, true])
  expect((await ask('records/list', { where: { number: 'Np2' } })).json().items).toEqual([])
  const verified = [
    await ask('verify', { key: 'p2', claims: { name: '王五' } }),
    await ask('verify', { key: 'p9', claims: { name: '王五' } }),
  ]
  expect(verified[0]?.json()).toEqual({
    result: 'absent',
    claims: { name: 'absent' },
    subjectStatus: null,
    quality: [],
  })
  expect(verified[1]?.json()).toEqual(verified[0]?.json())
  expect(world.hub.entries.at(-1)?.outcome).toBe('absent')
})

test('rows may be limited by a child’s value, and by a field that is not granted', async () => {
  const { read } = await fresh('rows-child', { fields: ['name'], rows: { 'homes.unit': ['U2'] } })
  expect((await read('p1')).statusCode).toBe(200)
  expect((await read('p2')).json().code).toBe('not-found')
})

test('filters and claims on masked or ungranted fields are refused, for they would tell them bit by bit', async () => {
  const { ask } = await fresh('probed', { fields: ['number', 'name', 'division'] })
  for (const where of [{ number: 'Np1' }, { name: '张三' }, { 'homes.unit': 'U1' }]) {
    expect((await ask('records/list', { where })).json().code).toBe('field-not-granted')
  }
  expect((await ask('verify', { key: 'p1', claims: { name: '张三' } })).json().code).toBe(
    'field-not-granted',
  )
  expect((await ask('records/list', { where: { division: 'A' } })).json().items).toHaveLength(1)
})

test('a suspended grant stops at once, also in a process that remembers it, and goes on when resumed', async () => {
  const { grant, read } = await fresh('revoked')
  const { app } = world.hub
  expect((await read('p1')).statusCode).toBe(200)
  // What another process did while no notification reached this one.
  const remote = app.hub.database.knex('hub.grants').where({ id: grant })
  await remote.clone().update({ state: 'suspended', version: 2 })
  expect((await read('p1')).json().code).toBe('grant-suspended')
  await remote.clone().update({ state: 'active', version: 3 })
  expect((await read('p1')).statusCode).toBe(200)
  await remote.clone().update({ valid_until: '2020-01-01T00:00:00Z', version: 4 })
  expect((await read('p1')).json().code).toBe('grant-expired')
  await remote.clone().update({ valid_until: '2099-01-01T00:00:00Z', version: 5 })
  for (const path of ['records/query', 'records/list', 'verify', 'changes'] as const) {
    expect([path, (await callOf('revoked', path)).statusCode]).toEqual([path, 200])
    await remote.clone().update({ state: 'suspended', version: 6 })
    expect([path, (await callOf('revoked', path)).json().code]).toEqual([path, 'grant-suspended'])
    await remote.clone().update({ state: 'active', version: 7 })
  }
  await move(grant, 'terminate')
  expect((await read('p1')).json().code).toBe('grant-missing')
})

const bodies = {
  'records/query': { keys: ['p1'] },
  'records/list': { where: { division: 'A' } },
  verify: { key: 'p1', claims: { division: 'A' } },
} as const
const callOf = (resource: string, path: keyof typeof bodies | 'changes') =>
  path === 'changes'
    ? world.ask('GET', `/resources/${resource}/changes`)
    : world.ask('POST', `/resources/${resource}/${path}`, bodies[path])

test('a disabled system gets no more records, also where it is remembered', async () => {
  const token = await world.hub.makeSystem('ending', 'housing', 'business-system')
  await world.grant({ system: 'ending' })
  const read = () =>
    world.hub.call('POST', '/v1/resources/people/records/read', {
      token,
      headers: { 'x-purpose': 'item-1', 'x-operator': 'x' },
      body: { key: 'p1' },
    })
  expect((await read()).statusCode).toBe(200)
  const remote = world.hub.app.hub.database.knex('hub.systems').where({ id: 'ending' })
  await remote.clone().update({ version: 2 })
  expect((await read()).statusCode).toBe(200)
  await remote.clone().update({ state: 'disabled', version: 3 })
  expect((await read()).json().code).toBe('credentials-invalid')
})

test('a quota counts answered records and ends with a time to come back', async () => {
  const { read, ask } = await fresh('quota', { dailyQuota: 4 })
  expect((await read('p1')).statusCode).toBe(200)
  expect((await read('absent')).statusCode).toBe(404)
  expect((await ask('records/query', { keys: ['p1', 'absent'] })).statusCode).toBe(200)
  const allowed = (await world.call(world.desk, 'GET', '/allowed')).json().items
  const mine = allowed.find((item: { resource: string }) => item.resource === 'quota')
  expect(mine).toMatchObject({ dailyQuota: 4, quotaLeft: 2 })
  expect((await ask('records/list', { where: {} })).json().items).toHaveLength(2)
  const refused = await read('p1')
  expect([refused.statusCode, refused.json().code]).toEqual([429, 'quota-exceeded'])
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
})

test('what a system may use now is told to it, and only that', async () => {
  const { grant } = await fresh('allowed', { operations: ['read'], rows: { division: ['A'] } })
  const items = async () => (await world.call(world.desk, 'GET', '/allowed')).json().items
  const found = (await items()).find((item: { grant: string }) => item.grant === grant)
  expect(found).toMatchObject({
    resource: 'allowed',
    operations: ['read'],
    purposes: ['item-1'],
    rows: { division: ['A'] },
    operatorRequired: true,
    quotaLeft: null,
  })
  await move(grant, 'suspend')
  expect((await items()).some((item: { grant: string }) => item.grant === grant)).toBe(false)
})

test('no log line holds a key or a query string', async () => {
  const { ask } = await fresh('lines')
  await world.ask('GET', '/resources/lines/records/SECRET-KEY?fields=name')
  await world.ask('GET', '/resources/lines/records?division=SECRET-VALUE')
  await ask('records/read', { key: 'SECRET-BODY' })
  expect(world.hub.logLines.join('')).toContain('/v1/resources/:id/records/:key')
  expect(world.hub.logLines.join('')).not.toMatch(/SECRET/)
})
