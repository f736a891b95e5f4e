import { afterAll, beforeAll, expect, test } from 'vitest'
import { roles } from '../../../src/hub/identity/caller.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await buildTestHub()
  await hub.makeDepartment('housing')
})
afterAll(() => hub.close())

const create = (body: object, token = hub.adminToken) =>
  hub.call('POST', '/v1/staff', { token, body })
const change = (id: string, body: object, token = hub.adminToken) =>
  hub.call('PUT', `/v1/staff/${id}`, { token, body })

test('staff without a password get a token, which works; staff with one get none', async () => {
  const body = { id: 'li-si', name: '李四', department: 'housing', roles: ['operator'] }
  const answer = await create(body)
  expect(answer.statusCode).toBe(201)
  const { token, ...staff } = answer.json()
  expect(staff).toMatchObject({ ...body, account: 'li-si', state: 'active' })
  const me = await hub.call('GET', '/v1/me', { token })
  expect(me.json()).toMatchObject({ kind: 'staff', id: 'li-si', name: '李四', roles: ['operator'] })
  const other = await create({ ...body, id: 'wang-wu', password: '一个足够长的口令 2026' })
  expect(other.json().token).toBeUndefined()
  expect(JSON.stringify(other.json())).not.toMatch(/scrypt|hash/i)
})

const separated = ['system-admin', 'security-admin', 'auditor'] as const
test.each(separated)('%s excludes every other role', async (role) => {
  for (const other of roles.filter((each) => each !== role)) {
    const answer = await create({
      id: 'both',
      name: '兼任',
      department: 'housing',
      roles: [role, other],
    })
    expect(answer.json().errors).toMatchObject([{ pointer: '/roles', code: 'roles-conflict' }])
  }
  expect((await create({ id: `only-${role}`, name: '专任', roles: [role] })).statusCode).toBe(201)
})

test('faults of a member of staff come together', async () => {
  const answer = await create({ id: 'odd', name: '甲', roles: ['operator', 'king'] })
  const pointers = answer.json().errors.map(({ pointer }: { pointer: string }) => pointer)
  expect(pointers).toEqual(['/roles/1', '/department'])
  const nowhere = await create({ id: 'odd', name: '甲', department: 'nowhere', roles: [] })
  expect(nowhere.json().errors[0].code).toBe('department-unknown')
})

test('an id or account that another has is code-taken', async () => {
  await create({ id: 'first', account: 'shared', name: '甲', roles: [] })
  expect((await create({ id: 'first', name: '乙', roles: [] })).json().code).toBe('code-taken')
  const body = { id: 'second', account: 'shared', name: '乙', roles: [] }
  expect((await create(body)).json().code).toBe('code-taken')
})

test('changed roles hold for the next call of a token that is in use', async () => {
  const token = await hub.makeStaff('changing', ['bureau-admin'])
  const body = { id: 'made-by-changing', name: '部门', division: '430182' }
  const before = await hub.call('POST', '/v1/departments', { token, body })
  expect(before.statusCode).toBe(201)
  await change('changing', { name: '甲', roles: ['bureau-reviewer'] })
  const after = await hub.call('POST', '/v1/departments', {
    token,
    body: { ...body, id: 'another' },
  })
  expect(after.json().code).toBe('role-missing')
})

test('disabled staff are turned away at once, and can be let in again', async () => {
  const token = await hub.makeStaff('leaving', ['bureau-admin'])
  const body = { name: '甲', roles: ['bureau-admin'] }
  await change('leaving', { ...body, state: 'disabled' })
  expect((await hub.call('GET', '/v1/me', { token })).statusCode).toBe(401)
  await change('leaving', { ...body, state: 'active' })
  expect((await hub.call('GET', '/v1/me', { token })).statusCode).toBe(200)
})

test('nobody changes their own roles', async () => {
  const answer = await change('admin', { name: '我', roles: ['auditor'] })
  expect(answer.json().code).toBe('role-missing')
})

test('only those who keep staff may see or change them', async () => {
  const token = await hub.makeStaff('plain', ['operator'], 'housing')
  expect((await create({ id: 'x', name: '甲', roles: [] }, token)).json().code).toBe('role-missing')
  expect((await hub.call('GET', '/v1/staff', { token })).json().code).toBe('role-missing')
  expect((await hub.call('GET', '/v1/staff/nobody', { token: hub.adminToken })).json().code).toBe(
    'not-found',
  )
  const list = await hub.call('GET', '/v1/staff?department=housing', { token: hub.adminToken })
  expect(
    list.json().items.every(({ department }: { department: string }) => department === 'housing'),
  ).toBe(true)
})
