import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

const time = { nowMs: 0 }
const password = '一个足够长的口令 2026'
let hub: TestHub
beforeAll(async () => {
  hub = await buildTestHub({ clock: { now: () => new Date(), nowMs: () => time.nowMs } })
  const body = { id: 'zhao-liu', account: 'zhao', name: '赵六', roles: ['auditor'], password }
  await hub.call('POST', '/v1/staff', { token: hub.adminToken, body })
})
afterAll(() => hub.close())

const signIn = (body: object, address = '192.0.2.1') =>
  hub.call('POST', '/v1/session', { body, address })
const later = () => (time.nowMs += 3_600_000)

test('signing in by account and password opens a session, as a token and as a cookie', async () => {
  const answer = await signIn({ account: 'zhao', password })
  expect(answer.statusCode).toBe(201)
  const { token, expiresAt, staff } = answer.json()
  expect(staff).toEqual({ id: 'zhao-liu', name: '赵六', department: null, roles: ['auditor'] })
  expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now())
  expect((await hub.call('GET', '/v1/me', { token })).json().id).toBe('zhao-liu')
  const cookie = String(answer.headers['set-cookie'])
  expect(cookie).toContain(`shuqiao_session=${token}`)
  expect(cookie).toMatch(/HttpOnly.*SameSite=Strict/)
  const session = await hub.call('GET', '/v1/session', {
    headers: { cookie: cookie.split(';')[0] ?? '' },
  })
  expect(session.json()).toEqual({ signedIn: true, staff, setupMode: true })
  expect(hub.entries.at(-1)).toMatchObject({
    operation: 'staff.sign-in',
    outcome: 'allowed',
    staff: 'zhao-liu',
  })
})

test('signing in by a staff token does the same; a machine or another session may not', async () => {
  const answer = await signIn({ token: hub.adminToken })
  expect(answer.statusCode).toBe(201)
  expect(answer.json().token).not.toBe(hub.adminToken)
  const prolonged = await signIn({ token: answer.json().token })
  expect(prolonged.json().code).toBe('credentials-invalid')
  await hub.makeDepartment('housing')
  const machine = await signIn({ token: await hub.makeSystem('front-1', 'housing') })
  expect(machine.json().code).toBe('credentials-invalid')
})

test('GET is always 200, whoever asks', async () => {
  for (const token of [undefined, 'sq_wrong']) {
    const answer = await hub.call('GET', '/v1/session', token === undefined ? {} : { token })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ signedIn: false })
  }
})

test('a wrong password and an unknown account are told apart by nothing in the answer', async () => {
  const wrong = await signIn({ account: 'zhao', password: 'wrong password' })
  const unknown = await signIn({ account: 'nobody', password: 'wrong password' })
  expect(wrong.statusCode).toBe(401)
  const said = ({ instance: _instance, ...problem }: Record<string, unknown>) => problem
  expect(said(wrong.json())).toEqual(said(unknown.json()))
  const denied = hub.entries.filter(({ code }) => code === 'credentials-invalid')
  expect(denied.some(({ staff }) => staff === 'zhao-liu')).toBe(true)
  expect(JSON.stringify(hub.entries)).not.toContain('wrong password')
})

test('after five failures an account waits, even with the right password, but not from elsewhere', async () => {
  later()
  for (let attempt = 0; attempt < 5; attempt++) {
    expect((await signIn({ account: 'zhao', password: 'wrong' })).statusCode).toBe(401)
  }
  const refused = await signIn({ account: 'zhao', password })
  expect(refused.json().code).toBe('rate-limited')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(30)
  expect((await signIn({ account: 'zhao', password }, '192.0.2.2')).statusCode).toBe(201)
  later()
  expect((await signIn({ account: 'zhao', password })).statusCode).toBe(201)
})

test.each([[{}], [{ account: 'zhao' }], [{ password }], [{ token: 'sq_x', account: 'zhao' }]])(
  'the body %j is incomplete',
  async (body) => {
    const answer = await signIn(body)
    expect(answer.json().code).toBe('request-invalid')
    expect(answer.json().errors.length).toBeGreaterThan(0)
  },
)

test('signing out ends the session and the cookie', async () => {
  const { token } = (await signIn({ account: 'zhao', password }, '192.0.2.3')).json()
  const answer = await hub.call('DELETE', '/v1/session', { token })
  expect(answer.statusCode).toBe(204)
  expect(String(answer.headers['set-cookie'])).toContain('Max-Age=0')
  expect((await hub.call('GET', '/v1/me', { token })).statusCode).toBe(401)
})

test('a new password signs out everywhere', async () => {
  const { token } = (await signIn({ account: 'zhao', password }, '192.0.2.4')).json()
  const body = { name: '赵六', roles: ['auditor'], password: '另一个足够长的口令 2026' }
  await hub.call('PUT', '/v1/staff/zhao-liu', { token: hub.adminToken, body })
  expect((await hub.call('GET', '/v1/me', { token })).statusCode).toBe(401)
  expect((await signIn({ account: 'zhao', password }, '192.0.2.5')).statusCode).toBe(401)
  expect((await signIn({ account: 'zhao', password: body.password }, '192.0.2.5')).statusCode).toBe(
    201,
  )
})
