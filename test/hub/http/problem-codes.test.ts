import type { LightMyRequestResponse } from 'fastify'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ProblemCode, problems } from '../../../schemas/api/problems.ts'
import { purgeTombstones } from '../../../src/hub/records/purge-tombstones.ts'
import { awayFromMidnight } from '../../support/midnight.ts'
import { plainDraft, publishDraft } from '../../support/resources.ts'
import { buildWorld, freshResource, peopleDraft, person, type World } from '../sharing/support.ts'

/**
 * Every refusal that a client can meet, each by a call of the real hub: whoever takes one away, or gives
 * another in its place, breaks a contract.
 */
let world: World
let owner: Client
beforeAll(async () => {
  world = await buildWorld({ http: { intakeBytesMax: 20_000 } })
  owner = new Client({ connectionString: world.hub.testDatabase.urls.owner })
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await world.hub.close()
})

type Ways = Record<
  Exclude<ProblemCode, 'source-unreachable'>,
  () => Promise<LightMyRequestResponse>
>

const admin = (method: 'GET' | 'POST', path: string, body?: unknown) =>
  world.call(world.hub.adminToken, method, path, body)
const push = (headers: Record<string, string>, body: unknown, resource = 'people') =>
  world.hub.call('POST', `/v1/resources/${resource}/batches`, {
    token: world.machine,
    headers: { 'content-type': 'application/x-ndjson', ...headers },
    body,
  })
const fresh: ReturnType<typeof freshResource> = (...asked) => freshResource(world)(...asked)
const moveGrant = (grant: string, action: string) =>
  admin('POST', `/grants/${grant}/transitions`, { action, ground: 'misuse', reason: '核查' })

async function expiredCursor(): Promise<LightMyRequestResponse> {
  await fresh('purged', { fields: ['personId'] })
  const follow = (after: string) =>
    world.ask('GET', `/resources/purged/changes?after=${after}&limit=1`)
  const { next } = (await follow('0')).json()
  await world.push('purged', [{ personId: 'p1' }], 'delete')
  const { knex, bulkPool } = world.hub.app.hub.database
  const { number } = await knex('hub.resources').where({ id: 'purged' }).first('number')
  await purgeTombstones(bulkPool, number, new Date(Date.now() + 1000))
  return follow(next)
}

/** While a table of the hub's raises what nobody foresaw. */
async function brokenTable(): Promise<LightMyRequestResponse> {
  await owner.query(`create function hub.fail_test() returns trigger language plpgsql as
      $$ begin raise 'unforeseen'; end $$;
    create trigger fail_test before insert on hub.departments for each row execute function hub.fail_test()`)
  const body = { id: 'unlucky', name: '部门', division: '430182' }
  const answer = await admin('POST', '/departments', body)
  await owner.query('drop trigger fail_test on hub.departments; drop function hub.fail_test()')
  return answer
}

async function unwritableLog(): Promise<LightMyRequestResponse> {
  await owner.query('revoke insert on audit.entries from shuqiao_app')
  const answer = await admin('POST', '/departments', {
    id: 'unlogged',
    name: '部门',
    division: '430182',
  })
  await owner.query('grant insert on audit.entries to shuqiao_app')
  return answer
}

const ways: Ways = {
  'request-invalid': () => admin('POST', '/departments', { id: '1' }),
  'credentials-invalid': () => world.call('sq_unknown', 'GET', '/me'),
  'grant-missing': () => world.ask('POST', '/resources/people/records/read', { key: 'p1' }),
  'grant-expired': async () => {
    const { grant, read } = await fresh('ended')
    await owner.query(`update hub.grants set valid_until = now(), version = 2 where id = $1`, [
      grant,
    ])
    return read('p1')
  },
  'grant-suspended': async () => {
    const { grant, read } = await fresh('suspended')
    await moveGrant(grant, 'suspend')
    return read('p1')
  },
  'field-not-granted': async () => {
    const { read } = await fresh('narrow', { fields: ['name'] })
    return read('p1', { fields: ['bornOn'] })
  },
  'purpose-required': async () =>
    (await fresh('purpose')).ask('records/read', { key: 'p1' }, { 'x-purpose': '' }),
  'operator-required': async () =>
    (await fresh('operator')).ask('records/read', { key: 'p1' }, { 'x-operator': '' }),
  'case-number-required': async () =>
    (await fresh('case', {}, { caseNumberRequired: true })).read('p1'),
  'purpose-not-granted': async () =>
    (await fresh('other-purpose')).ask('records/read', { key: 'p1' }, { 'x-purpose': 'item-9' }),
  'role-missing': () => world.call(world.machine, 'GET', '/staff'),
  'not-found': () => admin('GET', '/resources/nothing'),
  'code-taken': () =>
    admin('POST', '/departments', { id: 'police', name: '又一个', division: '430182' }),
  'state-conflict': async () => {
    await admin('POST', '/resources', plainDraft('unpublished', 'police'))
    return push({}, '{}', 'unpublished')
  },
  'idempotency-conflict': async () => {
    const headers = { 'idempotency-key': 'k-1' }
    await push(headers, JSON.stringify(person('i1')))
    return push(headers, JSON.stringify(person('i2')))
  },
  'payload-too-large': () => push({}, `${JSON.stringify(person('x'))}\n`.repeat(1000)),
  'media-type-unsupported': () => push({ 'content-type': 'application/xml' }, '<a/>'),
  'rate-limited': async () => {
    await awayFromMidnight()
    const { ask } = await fresh('guessed', { operations: ['verify'] })
    const guess = (name: string) => ask('verify', { key: 'p1', claims: { bornOn: name } })
    for (let day = 1; day <= 10; day += 1) await guess(`1991-01-${String(day).padStart(2, '0')}`)
    return guess('1990-01-01')
  },
  'quota-exceeded': async () => {
    await awayFromMidnight()
    const { read } = await fresh('used-up', { dailyQuota: 1 })
    await read('p1')
    return read('p1')
  },
  'key-ambiguous': async () => {
    const { read } = await fresh('shared')
    await world.push('shared', [
      person('a', { number: 'SAME' }),
      person('b', { number: 'SAME', name: '王五' }),
    ])
    return read('SAME')
  },
  unavailable: unwritableLog,
  'cursor-expired': expiredCursor,
  internal: brokenTable,
}

test.each(Object.entries(ways))('%s is given by a call of the hub', async (code, call) => {
  const answer = await call()
  expect(answer.json()).toMatchObject({
    type: `/problems/${code}`,
    code,
    status: problems[code as ProblemCode].status,
    title: problems[code as ProblemCode].title,
    detail: expect.stringMatching(/[\u4e00-\u9fff].* \/ .*[A-Za-z]/),
  })
  expect(answer.statusCode).toBe(problems[code as ProblemCode].status)
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  const isRetried = ['rate-limited', 'quota-exceeded', 'unavailable'].includes(code)
  expect(Number(answer.headers['retry-after'] ?? 0) > 0).toBe(isRetried)
  // Beyond what a body says at fault, nothing of the database or the code is told.
  expect(answer.body).not.toMatch(/unforeseen|hub\.|select |\.ts/)
})

test('nobody is given a refusal that is not in the table', () => {
  // Live services, which alone can be out of reach, come with connectors.
  const told = [...Object.keys(ways), 'source-unreachable']
  expect(told.toSorted()).toEqual(Object.keys(problems).toSorted())
})

test('what is refused changes nothing: the call can be made again when its cause is gone', async () => {
  const read = (id: string) => admin('GET', `/departments/${id}`)
  for (const id of ['unlogged', 'unlucky']) {
    expect((await read(id)).json().code).toBe('not-found')
    const body = { id, name: '部门', division: '430182' }
    expect((await admin('POST', '/departments', body)).statusCode).toBe(201)
  }
  await publishDraft(world.hub, peopleDraft('afterwards'))
  expect((await admin('GET', '/resources/afterwards')).statusCode).toBe(200)
})
