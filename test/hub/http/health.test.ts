import type { LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildHub } from '../../../src/hub/app.ts'
import { openDatabase } from '../../../src/hub/database/connect.ts'
import type { Api } from '../../../src/hub/http/api.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
let fault: string | null = null
beforeAll(async () => {
  hub = await buildTestHub({ checks: [{ name: 'queue', check: async () => fault }] })
})
afterAll(() => hub.close())

/** What readiness says; a check that a pause of the machine kept from answering in time is asked again. */
async function readiness(ask: () => Promise<LightMyRequestResponse>) {
  let answer = await ask()
  while (answer.body.includes('无应答')) answer = await ask()
  return answer
}
const readyz = (of = hub) => readiness(() => of.call('GET', '/readyz'))

test('a hub that works is alive and ready, and says nothing of the owner when it is not the owner', async () => {
  expect((await hub.call('GET', '/livez')).json()).toEqual({ live: true })
  const answer = await readyz()
  expect(answer.statusCode).toBe(200)
  const ok = 'ok'
  const checks = { serving: ok, database: ok, migrations: ok, audit: ok, queue: ok }
  expect(answer.json()).toEqual({ ready: true, checks, warnings: [] })
})

test('what does not work is named, as a problem', async () => {
  fault = 'no answer'
  const answer = await readyz()
  fault = null
  expect(answer.statusCode).toBe(503)
  expect(answer.headers['retry-after']).toBe('5')
  expect(answer.json()).toMatchObject({
    code: 'unavailable',
    checks: { queue: 'no answer', audit: 'ok' },
  })
})

test('a migration that was not run keeps the hub from being ready', async () => {
  const { knex } = hub.app.hub.database
  const [name] = await knex('hub.migrations').pluck('name').orderBy('version', 'desc')
  const owner = await import('pg').then(
    ({ default: pg }) => new pg.Client(hub.testDatabase.urls.owner),
  )
  await owner.connect()
  const { rows } = await owner.query('delete from hub.migrations where name = $1 returning *', [
    name,
  ])
  const answer = await readyz()
  const { version, sha256 } = rows[0]
  await owner.query('insert into hub.migrations (version, name, sha256) values ($1, $2, $3)', [
    version,
    name,
    sha256,
  ])
  await owner.end()
  expect(answer.json().checks.migrations).toContain(name)
})

test('metrics speak of routes, never of keys, and only on this machine or with a token', async () => {
  await hub.call('GET', '/v1/systems/key-geheim?q=secret', { token: hub.adminToken })
  const local = await hub.call('GET', '/metrics', { address: '127.0.0.1' })
  expect(local.statusCode).toBe(200)
  expect(local.body).toMatch(
    /shuqiao_http_requests_total\{method="GET",route="\/v1\/systems\/:id",status="404"\} 1/,
  )
  expect(local.body).toMatch(/shuqiao_http_requests_in_flight 0/)
  expect(local.body).toMatch(/shuqiao_audit_entries_waiting 0/)
  expect(local.body).not.toMatch(/geheim|secret/)
  const address = '192.0.2.1'
  expect((await hub.call('GET', '/metrics', { address })).json().code).toBe('credentials-invalid')
  expect((await hub.call('GET', '/metrics', { address, token: hub.adminToken })).statusCode).toBe(
    200,
  )
  const claims = { 'x-forwarded-for': '127.0.0.1' }
  for (const from of [address, '127.0.0.1']) {
    expect((await hub.call('GET', '/metrics', { address: from, headers: claims })).statusCode).toBe(
      401,
    )
  }
})

test('answers of the API are kept by no cache and framed by no page', async () => {
  const answer = await hub.call('GET', '/v1/me', { token: hub.adminToken })
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
  expect(answer.headers['x-content-type-options']).toBe('nosniff')
})

test('beyond so many calls at once the next is unavailable, and health still answers', async () => {
  const full = await buildTestHub({ http: { concurrencyMax: 2 }, extend: addWaitingRoute })
  try {
    const waiting = [1, 2].map(() => full.call('GET', '/v1/wait', { token: full.adminToken }))
    await bothArrived
    const third = await full.call('GET', '/v1/me', { token: full.adminToken })
    expect(third.json().code).toBe('unavailable')
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0)
    expect((await readyz(full)).statusCode).toBe(200)
    release()
    expect((await Promise.all(waiting)).map(({ statusCode }) => statusCode)).toEqual([200, 200])
    expect((await full.call('GET', '/v1/me', { token: full.adminToken })).statusCode).toBe(200)
  } finally {
    await full.close()
  }
})

const { promise: released, resolve: release } = Promise.withResolvers<void>()
const { promise: bothArrived, resolve: tellArrived } = Promise.withResolvers<void>()
let arrivedCount = 0
function addWaitingRoute(app: Api): void {
  app.get('/v1/wait', async () => {
    arrivedCount += 1
    if (arrivedCount === 2) tellArrived()
    await released
    return { done: true }
  })
}

test('a hub that is stopping turns calls away and is no longer ready, but alive', async () => {
  hub.app.hub.inFlight.drain()
  const refused = await hub.call('GET', '/v1/me', { token: hub.adminToken })
  expect(refused.json().code).toBe('unavailable')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await readyz()).statusCode).toBe(503)
  expect((await hub.call('GET', '/livez')).statusCode).toBe(200)
})

test('a hub that runs as the owner of the database is ready, and says that its log proves nothing', async () => {
  const owned = await buildTestHub()
  const database = await openDatabase({ url: owned.testDatabase.urls.owner })
  const app = await buildHub({ ...owned.app.hub, database, logStream: { write: () => undefined } })
  try {
    const answer = await readiness(() => app.inject({ url: '/readyz' }))
    expect(answer.statusCode).toBe(200)
    expect(answer.json().warnings).toEqual([expect.stringContaining('shuqiao_app')])
  } finally {
    await app.close()
    await database.close()
    await owned.close()
  }
})
