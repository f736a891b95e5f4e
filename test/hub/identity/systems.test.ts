import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await buildTestHub()
  await hub.makeDepartment('public-security')
  await hub.makeDepartment('housing')
})
afterAll(() => hub.close())

test('a system is registered with a token that is shown once and kept only as a digest', async () => {
  const body = {
    id: 'ps-front-1',
    department: 'public-security',
    name: '公安前置机',
    kind: 'front-end-machine',
  }
  const answer = await hub.call('POST', '/v1/systems', { token: hub.adminToken, body })
  expect(answer.statusCode).toBe(201)
  const { token, ...system } = answer.json()
  expect(token).toMatch(/^sq_[\w-]{43}$/)
  expect(system).toMatchObject({ ...body, state: 'active', disabledAt: null })
  expect(answer.headers.location).toBe('/v1/systems/ps-front-1')
  const read = await hub.call('GET', '/v1/systems/ps-front-1', { token: hub.adminToken })
  expect(read.json()).toEqual(system)
  const rows = await hub.app.hub.database.knex('hub.tokens').select('*')
  expect(
    JSON.stringify(rows.map((row) => ({ ...row, digest: row.digest.toString() }))),
  ).not.toContain(token)
  const me = await hub.call('GET', '/v1/me', { token })
  expect(me.json()).toEqual({
    kind: 'system',
    id: 'ps-front-1',
    name: '公安前置机',
    department: 'public-security',
    systemKind: 'front-end-machine',
    setupMode: true,
  })
})

test('an id that is taken is code-taken, an unknown department request-invalid at its field', async () => {
  await hub.makeSystem('taken', 'housing')
  const body = { id: 'taken', department: 'housing', name: '又一个', kind: 'hub' }
  const taken = await hub.call('POST', '/v1/systems', { token: hub.adminToken, body })
  expect(taken.statusCode).toBe(409)
  expect(taken.json().code).toBe('code-taken')
  const lost = { ...body, id: 'lost', department: 'nowhere' }
  const unknown = await hub.call('POST', '/v1/systems', { token: hub.adminToken, body: lost })
  expect(unknown.json().errors[0].pointer).toBe('/department')
})

test('a rotated token ends at once, unless it is given an overlap', async () => {
  const first = await hub.makeSystem('rotating', 'housing')
  const rotate = (body?: object) =>
    hub.call('POST', '/v1/systems/rotating/token', { token: hub.adminToken, ...(body && { body }) })
  expect((await hub.call('GET', '/v1/me', { token: first })).statusCode).toBe(200)
  const second = (await rotate()).json().token
  expect((await hub.call('GET', '/v1/me', { token: first })).statusCode).toBe(401)
  const { token: third, previousValidUntil } = (await rotate({ overlapSeconds: 3600 })).json()
  expect(Date.parse(previousValidUntil)).toBeGreaterThan(Date.now())
  expect((await hub.call('GET', '/v1/me', { token: second })).statusCode).toBe(200)
  expect((await hub.call('GET', '/v1/me', { token: third })).statusCode).toBe(200)
  await hub.app.hub.database
    .knex('hub.tokens')
    .whereNotNull('expires_at')
    .update({ expires_at: '2020-01-01T00:00:00Z' })
  hub.app.hub.authenticator.clear()
  expect((await hub.call('GET', '/v1/me', { token: second })).statusCode).toBe(401)
  expect((await hub.call('GET', '/v1/me', { token: third })).statusCode).toBe(200)
})

test('a disabled system is turned away at once, and stays known', async () => {
  const token = await hub.makeSystem('ending', 'housing')
  expect((await hub.call('GET', '/v1/me', { token })).statusCode).toBe(200)
  const answer = await hub.call('POST', '/v1/systems/ending/disable', { token: hub.adminToken })
  expect(answer.json()).toMatchObject({ id: 'ending', state: 'disabled' })
  const refused = await hub.call('GET', '/v1/me', { token })
  expect(refused.statusCode).toBe(401)
  expect(refused.json().code).toBe('credentials-invalid')
  expect(refused.headers['www-authenticate']).toBe('Bearer')
  const read = await hub.call('GET', '/v1/systems/ending', { token: hub.adminToken })
  expect(read.json().disabledAt).toMatch(/Z$/)
})

test('a system may be renamed by those who keep systems, and nothing else of it changes', async () => {
  const token = await hub.makeSystem('named', 'housing', 'business-system')
  const rename = (body: object, by = hub.adminToken) =>
    hub.call('PUT', '/v1/systems/named', { token: by, body })
  const answer = await rename({ name: '新名称' })
  expect(answer.json()).toMatchObject({
    id: 'named',
    name: '新名称',
    department: 'housing',
    kind: 'business-system',
    state: 'active',
  })
  expect(answer.body).not.toContain('sq_')
  expect((await hub.call('GET', '/v1/me', { token })).json().name).toBe('新名称')
  expect((await rename({ name: '甲', department: 'public-security' })).json().code).toBe(
    'request-invalid',
  )
  expect((await rename({ name: '甲' }, token)).json().code).toBe('role-missing')
})

test('staff of a department see the systems of their own, and only those', async () => {
  await hub.makeSystem('ours', 'public-security')
  const token = await hub.makeStaff('operator-1', ['operator'], 'public-security')
  const list = await hub.call('GET', '/v1/systems', { token })
  const departments = list.json().items.map((item: { department: string }) => item.department)
  expect(new Set(departments)).toEqual(new Set(['public-security']))
  const theirs = await hub.call('GET', '/v1/systems?department=housing', { token })
  expect(theirs.json().code).toBe('role-missing')
  const body = { id: 'own', department: 'public-security', name: '自建', kind: 'hub' }
  expect((await hub.call('POST', '/v1/systems', { token, body })).json().code).toBe('role-missing')
})

test('an unknown system is not-found, whatever is done with it', async () => {
  const token = hub.adminToken
  for (const [method, path] of [
    ['GET', ''],
    ['POST', '/disable'],
    ['POST', '/token'],
  ] as const) {
    const answer = await hub.call(method, `/v1/systems/nobody${path}`, { token })
    expect(answer.json().code).toBe('not-found')
  }
})
