import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Refusal } from '../../../src/shared/refusal.ts'
import type { Api } from '../../../src/hub/http/api.ts'
import { auditCall } from '../../../src/hub/http/audit-call.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let isLogDown = false
let hub: TestHub

function addRoutes(app: Api): void {
  const schema = { operationId: 'sampleRead' }
  app.get('/v1/sample-allowed', { schema }, async (request, reply) => {
    await auditCall(request, reply, { operation: 'records.read', outcome: 'allowed' })
    return { ok: true }
  })
  app.get('/v1/denied-by-handler', async (request, reply) => {
    await auditCall(request, reply, {
      operation: 'records.read',
      outcome: 'denied',
      code: 'grant-missing',
    })
    throw new Refusal('grant-missing')
  })
  app.get('/v1/fails-after', async (request, reply) => {
    await auditCall(request, reply, { operation: 'records.read', outcome: 'allowed' })
    throw new Error('after the entry')
  })
  app.get('/v1/refuse/:code', { schema: { operationId: 'refuse' } }, ({ params }) => {
    throw new Refusal((params as { code: 'not-found' }).code)
  })
}

beforeAll(async () => {
  hub = await buildTestHub({
    extend: addRoutes,
    auditLog: (log) => ({
      ...log,
      append: (facts) =>
        isLogDown ? Promise.reject(new Refusal('unavailable', 'log down')) : log.append(facts),
    }),
  })
})
beforeEach(() => hub.entries.splice(0))
afterAll(() => hub.close())

const get = (url: string) => hub.call('GET', url, { token: hub.adminToken })

test('an answer carries the receipt of its entry, which the database has by then', async () => {
  const answer = await get('/v1/sample-allowed')
  expect(answer.headers['x-audit-leaf']).toMatch(/^[0-9a-f]{64}$/)
  const id = String(answer.headers['x-audit-id'])
  const rows = await hub.app.hub.database.knex('audit.entries').where({ id })
  expect(rows).toHaveLength(1)
  expect(hub.entries).toMatchObject([
    { operation: 'records.read', outcome: 'allowed', staff: 'admin' },
  ])
})

test.each([
  ['grant-missing', 'denied'],
  ['rate-limited', 'denied'],
  ['not-found', 'absent'],
  ['state-conflict', 'failed'],
  ['internal', 'failed'],
])('a refusal %s is one entry, %s, named after the route', async (code, outcome) => {
  const answer = await get(`/v1/refuse/${code}`)
  expect(hub.entries).toMatchObject([{ operation: 'refuse', outcome, code, staff: 'admin' }])
  expect(answer.headers['x-audit-id']).toBeTruthy()
  expect(hub.entries[0]?.requestId).toBe(answer.json().instance.slice('urn:uuid:'.length))
})

test('a refusal that the handler has logged is not logged twice', async () => {
  await get('/v1/denied-by-handler')
  expect(hub.entries).toHaveLength(1)
})

test('a call that was logged as allowed and failed afterwards has a second entry that says so', async () => {
  const answer = await get('/v1/fails-after')
  expect(answer.statusCode).toBe(500)
  expect(hub.entries.map(({ outcome }) => outcome)).toEqual(['allowed', 'failed'])
})

test('when the log cannot be written nothing leaves but unavailable', async () => {
  isLogDown = true
  try {
    const allowed = await get('/v1/sample-allowed')
    expect(allowed.statusCode).toBe(503)
    expect(allowed.body).not.toContain('"ok"')
    expect((await get('/v1/refuse/not-found')).json().code).toBe('unavailable')
    const body = { id: 'unlogged', name: '未记录', division: '430182' }
    await hub.call('POST', '/v1/departments', { token: hub.adminToken, body })
  } finally {
    isLogDown = false
  }
  const read = await get('/v1/departments/unlogged')
  expect(read.json().code).toBe('not-found')
})

test('calls without a caller are folded, and so get no receipt', async () => {
  const answer = await hub.call('GET', '/v1/sample-allowed', { address: '192.0.2.7' })
  expect(answer.statusCode).toBe(401)
  expect(answer.headers['x-audit-id']).toBeUndefined()
  expect(hub.entries).toMatchObject([
    { outcome: 'denied', code: 'credentials-invalid', address: '192.0.2.7' },
  ])
})

test('an unknown address below /v1 is logged without the address, one elsewhere is not', async () => {
  await get('/v1/records/110101199003070000?name=x')
  await get('/elsewhere')
  expect(hub.entries).toMatchObject([{ operation: 'unknownRoute', outcome: 'absent' }])
  expect(JSON.stringify(hub.entries)).not.toContain('1101011990')
})

test("the caller's trace id is kept with the entry, when it is a proper one", async () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  for (const traceparent of [
    `00-${trace}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    'x',
  ]) {
    await hub.call('GET', '/v1/sample-allowed', { token: hub.adminToken, headers: { traceparent } })
  }
  expect(hub.entries.map(({ traceId }) => traceId)).toEqual([trace, undefined, undefined])
})
