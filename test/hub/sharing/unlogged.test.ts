import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { buildWorld, freshResource, type World } from './support.ts'

/** The log of these tests is the real one: the table is what takes no entries. */
let world: World
let owner: Client
let operator: string
let runId: string

const change = (verb: string) => owner.query(`${verb} shuqiao_app`)

beforeAll(async () => {
  world = await buildWorld()
  owner = new Client({ connectionString: world.hub.testDatabase.urls.owner })
  await owner.connect()
  await freshResource(world)('unlogged')
  operator = await world.hub.makeStaff('operator', ['operator'], 'police')
  const refused = await world.hub.call('POST', '/v1/resources/unlogged/batches', {
    token: world.machine,
    body: [{ personId: 'r1', height: 'SECRET-HEIGHT' }],
  })
  runId = refused.json().runId
})
afterEach(() => change('grant insert on audit.entries to'))
afterAll(async () => {
  await owner.end()
  await world.hub.close()
})

const ask = (path: string, body: object) => world.ask('POST', `/resources/unlogged/${path}`, body)
const staff = (method: 'GET' | 'POST', path: string, body?: object) =>
  world.call(world.hub.adminToken, method, path, body)

const calls = {
  'a read': () => ask('records/read', { key: 'p1' }),
  'a read by GET': () => world.ask('GET', '/resources/unlogged/records/p1'),
  'a list': () => ask('records/list', { where: { division: 'A' } }),
  'a list by GET': () => world.ask('GET', '/resources/unlogged/records?division=A'),
  'a query': () => ask('records/query', { keys: ['p1', 'p2'] }),
  'a verification': () => ask('verify', { key: 'p1', claims: { bornOn: '1990-01-01' } }),
  changes: () => world.ask('GET', '/resources/unlogged/changes'),
  rejects: () => world.call(operator, 'GET', `/runs/${runId}/rejects`),
  'who looked': () => staff('POST', '/audit/subjects', { resource: 'unlogged', key: 'p1' }),
  'a search of the log': () => staff('GET', '/audit/entries?resource=unlogged'),
} as const

test.each(Object.entries(calls))(
  '%s does not leave while the log takes no entry, and does again when it can',
  async (_what, call) => {
    const before = await call()
    expect(before.statusCode).toBe(200)
    await change('revoke insert on audit.entries from')
    const kept = await call()
    expect([kept.statusCode, kept.json().code]).toEqual([503, 'unavailable'])
    expect(Number(kept.headers['retry-after'])).toBeGreaterThan(0)
    expect(kept.headers['x-audit-id']).toBeUndefined()
    // The day, not the year alone: four digits may stand by chance in the problem's id.
    expect(kept.body).not.toMatch(/p1|1990-01|张|SECRET|match/)
    await change('grant insert on audit.entries to')
    expect((await call()).statusCode).toBe(200)
  },
)

test('a refusal is told as little as an answer, and a hub whose log takes nothing is not ready', async () => {
  await change('revoke insert on audit.entries from')
  const refused = await ask('records/read', { key: 'nobody' })
  expect(refused.json().code).toBe('unavailable')
  // Asked again where the database stood still for longer than a check may take.
  const ready = async () => {
    const answer = await world.hub.call('GET', '/readyz')
    return [answer.statusCode, answer.json().checks]
  }
  await expect
    .poll(ready, { timeout: 30_000 })
    .toEqual([
      503,
      expect.objectContaining({ database: 'ok', audit: expect.not.stringMatching(/^ok$/) }),
    ])
})

test('quota that was taken for an answer that did not leave is given back', async () => {
  const { read } = await freshResource(world)('kept-quota', { dailyQuota: 2 })
  await change('revoke insert on audit.entries from')
  for (let time = 0; time < 5; time += 1) expect((await read('p1')).statusCode).toBe(503)
  await change('grant insert on audit.entries to')
  expect((await read('p1')).statusCode).toBe(200)
})
