import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorld, freshResource, person, type World } from '../sharing/support.ts'

/**
 * Logs and metrics are read by people who hold no grant: neither holds a key, a query, a claim, a cell or
 * a token, whatever became of the call. Everything personal here carries one of these words or digits; six
 * digits alone would now and then be those of a duration, of so many bytes or of a request's id.
 */
const personal = /SECRET|%E5|张三|李四|110105(?:19|\*)|sq_[\w-]{20}/

let world: World
let owner: Client
beforeAll(async () => {
  world = await buildWorld()
  owner = new Client({ connectionString: world.hub.testDatabase.urls.owner })
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await world.hub.close()
})

const idNumber = '11010519491231002X'

async function makeCalls(): Promise<number[]> {
  const { ask } = await freshResource(world)(
    'silent',
    {},
    { masks: { number: 'none', name: 'none' }, caseNumberRequired: true },
  )
  const context = {
    'x-case-number': 'SECRET-CASE',
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  }
  const get = (path: string) => world.ask('GET', `/resources/silent/${path}`, undefined, context)
  const admin = (method: 'GET' | 'POST', path: string, body?: object) =>
    world.call(world.hub.adminToken, method, path, body)
  const push = (body: unknown, query = '') =>
    world.hub.call('POST', `/v1/resources/silent/batches${query}`, { token: world.machine, body })
  await world.push('silent', [person('SECRET-1', { number: idNumber, name: '张三' })])
  const answers = [
    await ask('records/read', { key: idNumber }, context),
    await ask('records/read', { key: 'SECRET-NOBODY' }, context),
    await ask('records/read', { key: `number:${idNumber}`, fields: ['SECRET'] }, context),
    await get(`records/${idNumber}`),
    await get(`records/number:${idNumber}?fields=name`),
    await get('records/SECRET-NOBODY?fields=height'),
    await get(`records?number=${idNumber}`),
    await get(`records?name=${encodeURIComponent('张三')}&after=SECRET`),
    await get(`records?SECRET=1`),
    await ask('records/list', { where: { number: idNumber } }, context),
    await ask('records/query', { keys: [idNumber, 'SECRET-2'] }, context),
    await ask('verify', { key: idNumber, claims: { name: '张三' } }, context),
    await ask('verify', { key: idNumber, claims: { name: 'SECRET' } }, context),
    await ask('verify', { key: idNumber, claims: { 'SECRET-CLAIM': '1' } }, context),
    await get('changes?after=0&limit=5'),
    await get('changes?after=SECRET'),
    await admin('GET', `/audit/subjects?resource=silent&key=${idNumber}`),
    await admin('POST', '/audit/subjects', { resource: 'silent', key: 'SECRET-KEY' }),
    await admin('GET', '/audit/entries?caseNumber=SECRET-CASE&purpose=SECRET'),
    await push([person('SECRET-3', { height: 'SECRET', number: idNumber })]),
    await push('{"personId": "SECRET-BROKEN', '?mode=delete'),
    await push([{ personId: 'SECRET-1' }], '?mode=SECRET'),
    await world.hub.call('GET', `/v1/SECRET/${idNumber}?key=${idNumber}`, { token: world.desk }),
    await world.hub.call('GET', `/SECRET/${idNumber}`),
    await world.hub.call('GET', '/v1/me', { token: 'sq_SECRET-SECRET-SECRET-SECRET' }),
    await world.hub.call('GET', '/v1/%ZZSECRET'),
  ]
  return answers.map(({ statusCode }) => statusCode)
}

/** The database quotes values in what it says of a fault. */
async function fail(): Promise<number> {
  const said = `duplicate "${idNumber}" (SECRET-1)`
  await owner.query(`create function hub.fail_test() returns trigger language plpgsql as
      $$ begin raise unique_violation using message = '${said}', detail = 'SECRET-DETAIL ${idNumber}'; end $$;
    create trigger fail_test before insert on hub.runs for each row execute function hub.fail_test()`)
  const answer = await world.hub.call('POST', '/v1/resources/silent/batches', {
    token: world.machine,
    body: [person('SECRET-4', { number: idNumber })],
  })
  await owner.query('drop trigger fail_test on hub.runs; drop function hub.fail_test()')
  expect(answer.body).not.toMatch(personal)
  return answer.statusCode
}

test('no log line and no metric holds anything of what was asked or answered', async () => {
  const statuses = await makeCalls()
  expect(new Set(statuses)).toEqual(new Set([200, 400, 401, 403, 404, 415]))
  expect(statuses.slice(0, 1)).toEqual([200])
  const lines = world.hub.logLines.join('')
  expect(lines).toContain('"route":"/v1/resources/:id/records/:key"')
  expect(lines).toContain(`"traceId":"${'a'.repeat(32)}"`)
  expect(lines).not.toMatch(personal)
  const metrics = await world.hub.call('GET', '/metrics', { address: '127.0.0.1' })
  expect(metrics.body).toContain('route="/v1/resources/:id/records/:key"')
  expect(metrics.body).not.toMatch(personal)
})

test('no line about a fault of the database holds a value that it quotes, not even as a key', async () => {
  world.hub.logLines.splice(0)
  expect(await fail()).toBe(500)
  const lines = world.hub.logLines.join('')
  expect(lines).toContain('23505')
  expect(lines).not.toMatch(/110105(?:19|\*)|SECRET-DETAIL/)
})
