import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Api } from '../../../src/hub/http/api.ts'
import { buildHub } from '../../../src/hub/app.ts'
import { buildWorld, freshResource, type World } from './support.ts'

/**
 * Another process of the same hub that no notification reaches, as over a half-open connection: it listens
 * to another database of the same server. Its clock goes on by hand.
 */
let world: World
let deaf: Api
const time = { ms: 0 }
const heard: string[] = []

beforeAll(async () => {
  world = await buildWorld()
  const { hub } = world.hub.app
  const elsewhere = new URL(hub.database.directUrl)
  elsewhere.pathname = '/postgres'
  deaf = await buildHub({
    ...hub,
    database: { ...hub.database, directUrl: elsewhere.href },
    clock: { now: () => new Date(), nowMs: () => time.ms },
    logStream: { write: () => undefined },
  })
  await deaf.ready()
  deaf.hub.changes.subscribe((what) => heard.push(what))
})
afterAll(async () => {
  expect(heard).toEqual([])
  await deaf.close()
  await world.hub.close()
})

interface Ask {
  method?: 'GET' | 'POST'
  url: string
  payload?: object
}
const tell = async (token: string, { method = 'GET', url, payload }: Ask) => {
  const answer = await deaf.inject({
    method,
    url: `/v1${url}`,
    headers: { authorization: `Bearer ${token}`, 'x-purpose': 'item-1', 'x-operator': 'x' },
    ...(payload && { payload }),
  })
  return answer.statusCode === 200 ? 'ok' : String(answer.json().code)
}
const admin = async (path: string, body?: object, method: 'POST' | 'PUT' = 'POST') => {
  const answer = await world.call(world.hub.adminToken, method, path, body)
  if (answer.statusCode >= 300) throw new Error(answer.body)
}

/** Every way to take records out of a resource, as the deaf process answers it. */
const takings = (resource: string, token = world.desk) => {
  const at = `/resources/${resource}`
  const post = (path: string, payload: object) =>
    tell(token, { method: 'POST', url: `${at}/${path}`, payload })
  return {
    read: () => post('records/read', { key: 'p1' }),
    list: () => post('records/list', { where: { division: 'A' } }),
    query: () => post('records/query', { keys: ['p1'] }),
    verify: () => post('verify', { key: 'p1', claims: { division: 'A' } }),
    changes: () => tell(token, { url: `${at}/changes` }),
  }
}
const answers = async (ways: ReturnType<typeof takings>) => {
  const told: Record<string, string> = {}
  for (const [way, call] of Object.entries(ways)) told[way] = await call()
  return told
}
const all = (code: string) =>
  Object.fromEntries(['read', 'list', 'query', 'verify', 'changes'].map((way) => [way, code]))

const fresh: ReturnType<typeof freshResource> = (...asked) => freshResource(world)(...asked)
const moveGrant = (grant: string, action: string) =>
  admin(`/grants/${grant}/transitions`, { action, ground: 'misuse', reason: '核查' })

test('a suspended grant gives nothing more in a process that was not told, and goes on when resumed', async () => {
  const { grant } = await fresh('suspended-elsewhere')
  const ways = takings('suspended-elsewhere')
  expect(await answers(ways)).toEqual(all('ok'))
  await moveGrant(grant, 'suspend')
  expect(await answers(ways)).toEqual(all('grant-suspended'))
  await moveGrant(grant, 'resume')
  expect(await answers(ways)).toEqual(all('ok'))
  await moveGrant(grant, 'terminate')
  expect(await answers(ways)).toEqual(all('grant-missing'))
})

test('calls that come together after a grant was suspended are all refused, and those of another grant are not', async () => {
  const token = await world.hub.makeSystem('desk-4', 'housing', 'business-system')
  const { grant } = await fresh('suspended-in-a-crowd')
  await world.grant({ resource: 'suspended-in-a-crowd', system: 'desk-4' })
  const crowd = async () => {
    const read = [takings('suspended-in-a-crowd').read, takings('suspended-in-a-crowd', token).read]
    const told = await Promise.all(
      read.map((call) => Promise.all(Array.from({ length: 20 }, call))),
    )
    return told.map((each) => [...new Set(each)])
  }
  expect(await crowd()).toEqual([['ok'], ['ok']])
  await moveGrant(grant, 'suspend')
  expect(await crowd()).toEqual([['grant-suspended'], ['ok']])
})

test('a disabled system takes nothing more out at once, and within a second does nothing more at all', async () => {
  const token = await world.hub.makeSystem('desk-2', 'housing', 'business-system')
  await fresh('of-desk-2', { system: 'desk-2' })
  const ways = takings('of-desk-2', token)
  expect(await answers(ways)).toEqual(all('ok'))
  expect(await tell(token, { url: '/me' })).toBe('ok')
  await admin('/systems/desk-2/disable')
  expect(await ways.read()).toBe('credentials-invalid')
  time.ms += 1000
  expect(await tell(token, { url: '/me' })).toBe('credentials-invalid')
  expect(await answers(ways)).toEqual(all('credentials-invalid'))
})

test('a rotated token ends within a second', async () => {
  const token = await world.hub.makeSystem('desk-3', 'housing', 'business-system')
  expect(await tell(token, { url: '/me' })).toBe('ok')
  await admin('/systems/desk-3/token')
  time.ms += 1000
  expect(await tell(token, { url: '/me' })).toBe('credentials-invalid')
})

test('a front-end machine that was disabled puts nothing more in within a second', async () => {
  const token = await world.hub.makeSystem('front-2', 'police')
  const push = () => tell(token, { method: 'POST', url: '/resources/people/batches', payload: [] })
  expect(await push()).toBe('ok')
  await admin('/systems/front-2/disable')
  time.ms += 1000
  expect(await push()).toBe('credentials-invalid')
})

test('staff who were disabled or lost a role do nothing more of it within a second', async () => {
  const leaving = await world.hub.makeStaff('leaving', ['bureau-admin'])
  const changed = await world.hub.makeStaff('changed', ['bureau-admin'])
  const list = (token: string) => tell(token, { url: '/staff' })
  expect([await list(leaving), await list(changed)]).toEqual(['ok', 'ok'])
  await admin('/staff/leaving', { name: '甲', roles: ['bureau-admin'], state: 'disabled' }, 'PUT')
  await admin('/staff/changed', { name: '乙', roles: [] }, 'PUT')
  time.ms += 1000
  expect([await list(leaving), await list(changed)]).toEqual([
    'credentials-invalid',
    'role-missing',
  ])
})

test('a withdrawn resource is not there any more within a second, and takes no rows', async () => {
  const { grant } = await fresh('withdrawn-elsewhere')
  const ways = takings('withdrawn-elsewhere')
  const push = () =>
    tell(world.machine, {
      method: 'POST',
      url: '/resources/withdrawn-elsewhere/batches',
      payload: [{ personId: 'p3', number: 'N3', name: '赵六', division: 'A' }],
    })
  expect([(await answers(ways))['read'], await push()]).toEqual(['ok', 'ok'])
  await moveGrant(grant, 'terminate')
  await admin('/resources/withdrawn-elsewhere/transitions', { action: 'withdraw', comment: '停' })
  expect(await push()).toBe('state-conflict')
  time.ms += 1000
  expect(await answers(ways)).toEqual(all('not-found'))
})
