import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCookie } from '../../../src/hub/http/authentication.ts'
import type { Api } from '../../../src/hub/http/api.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { plainDraft, publishDraft } from '../../support/resources.ts'

const time = { nowMs: 0 }
const clock = { now: () => new Date(), nowMs: () => time.nowMs }
let hub: TestHub
let token: string

function addRoutes(app: Api): void {
  app.post('/v1/exempt', { config: { rateExempt: true } }, () => ({ done: true }))
  app.post('/v1/change', () => ({ done: true }))
}

beforeAll(async () => {
  const http = { callsPerSecond: 10, anonymousPerSecond: 5, trustProxy: ['127.0.0.1'] }
  hub = await buildTestHub({ http, clock, extend: addRoutes })
  await hub.makeDepartment('housing')
  token = await hub.makeSystem('front-1', 'housing')
})
afterAll(() => hub.close())

/** Everybody's buckets are full again. */
const later = () => (time.nowMs += 60_000)
const me = (options: object = {}) => hub.call('GET', '/v1/me', options)
const statuses = async (count: number, options: object) => {
  const codes: number[] = []
  for (let call = 0; call < count; call++) codes.push((await me(options)).statusCode)
  return codes
}

test.each([
  ['no header', {}],
  ['another scheme', { authorization: 'Basic YTpi' }],
  ['an empty token', { authorization: 'Bearer ' }],
  ['an unknown token', { authorization: 'Bearer sq_unknown' }],
  ['two words', { authorization: 'Bearer a b' }],
  ['an unknown cookie', { cookie: 'shuqiao_session=sq_unknown' }],
])('%s is credentials-invalid', async (_name, headers) => {
  later()
  const answer = await me({ headers })
  expect(answer.statusCode).toBe(401)
  expect(answer.json().code).toBe('credentials-invalid')
})

test('a token has so many calls in a second, then rate-limited until it may again', async () => {
  later()
  expect(await statuses(12, { token })).toEqual([...Array(10).fill(200), 429, 429])
  const refused = await me({ token })
  expect(refused.json().code).toBe('rate-limited')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  time.nowMs += 200
  expect(await statuses(3, { token })).toEqual([200, 200, 429])
})

test('one token that calls too often does not slow another', async () => {
  later()
  await statuses(20, { token })
  expect(await statuses(5, { token: hub.adminToken })).toEqual(Array(5).fill(200))
})

test('a flood without a token, or with wrong ones, never slows a valid one at the same address', async () => {
  later()
  const address = '192.0.2.1'
  const flood = await statuses(20, { address, token: 'sq_wrong' })
  expect(flood).toEqual([...Array(5).fill(401), ...Array(15).fill(429)])
  expect(await statuses(2, { address })).toEqual([429, 429])
  hub.app.hub.authenticator.clear()
  expect(await statuses(10, { address, token })).toEqual(Array(10).fill(200))
  expect(await statuses(1, { address: '192.0.2.2' })).toEqual([401])
})

test('routes that say so are not counted', async () => {
  later()
  for (let call = 0; call < 30; call++) {
    const answer = await hub.call('POST', '/v1/exempt', { token })
    expect(answer.statusCode).toBe(200)
  }
})

test('putting in is not counted: a load is as many calls as it needs, reading its run is counted', async () => {
  later()
  const draft = plainDraft('loaded', 'housing')
  await publishDraft(hub, draft)
  later()
  for (let call = 0; call < 15; call++) {
    const body = [{ thing: `t-${call}` }]
    const push = await hub.call('POST', '/v1/resources/loaded/batches', { token, body })
    expect(push.statusCode).toBe(200)
  }
  expect(await statuses(11, { token })).toEqual([...Array(10).fill(200), 429])
})

test('health is answered during a flood', async () => {
  later()
  const address = '192.0.2.9'
  await statuses(10, { address })
  expect((await hub.call('GET', '/livez', { address })).statusCode).toBe(200)
})

test('only a proxy that is trusted may speak for an address', async () => {
  later()
  const forwarded = (address: string, claimed: string) =>
    me({ address, headers: { 'x-forwarded-for': claimed } })
  for (let call = 0; call < 5; call++) await forwarded('127.0.0.1', '198.51.100.1')
  expect((await forwarded('127.0.0.1', '198.51.100.1')).statusCode).toBe(429)
  expect((await forwarded('127.0.0.1', '198.51.100.2')).statusCode).toBe(401)
  for (let call = 0; call < 5; call++) await forwarded('192.0.2.50', `203.0.113.${call}`)
  expect((await forwarded('192.0.2.50', '203.0.113.99')).statusCode).toBe(429)
})

test('the cookie changes something only from a page of this very origin', async () => {
  later()
  const session = await hub.call('POST', '/v1/session', { body: { token: hub.adminToken } })
  const cookie = String(session.headers['set-cookie']).split(';')[0] ?? ''
  const change = async (headers: Record<string, string>) =>
    (await hub.call('POST', '/v1/change', { headers: { host: 'hub.gov', cookie, ...headers } }))
      .statusCode
  expect(await change({ origin: 'http://hub.gov' })).toBe(200)
  expect(await change({ 'sec-fetch-site': 'same-origin' })).toBe(200)
  later()
  expect(await change({})).toBe(401)
  expect(await change({ origin: 'http://other.gov' })).toBe(401)
  expect(await change({ origin: 'http://hub.gov:8081' })).toBe(401)
  expect(await change({ 'sec-fetch-site': 'same-site', origin: 'http://hub.gov' })).toBe(401)
  later()
  expect((await me({ headers: { cookie } })).statusCode).toBe(200)
  expect((await hub.call('POST', '/v1/change', { token, headers: {} })).statusCode).toBe(200)
})

test('no line of the log holds a token, a URL or a query', async () => {
  later()
  hub.logLines.splice(0)
  await hub.call('GET', '/v1/departments?after=110101199003070000', { token: hub.adminToken })
  await hub.call('GET', '/v1/systems/key-110101199003070000', { token: hub.adminToken })
  await hub.call('GET', '/v1/unknown/110101199003070000?a=b', {
    headers: { cookie: 'shuqiao_session=sq_x' },
  })
  const lines = hub.logLines.join('')
  expect(lines).toContain('"route":"/v1/systems/:id"')
  expect(lines).not.toMatch(/1101011990|sq_|\?|a=b/)
})

test('a cookie is found among others, and not by a part of its name', () => {
  expect(readCookie('a=1; shuqiao_session=sq_1; b=2', 'shuqiao_session')).toBe('sq_1')
  expect(readCookie('my_shuqiao_session=sq_1', 'shuqiao_session')).toBeNull()
  expect(readCookie('shuqiao_session=', 'shuqiao_session')).toBeNull()
})
