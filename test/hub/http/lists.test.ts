import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWorld, freshResource, type World } from '../sharing/support.ts'

/** Every list of the hub, with enough in it for pages of one. */
let world: World
let runId: string
let auditor: string
let operator: string
beforeAll(async () => {
  world = await buildWorld()
  auditor = await world.hub.makeStaff('auditor-1', ['auditor'])
  operator = await world.hub.makeStaff('operator', ['operator'], 'police')
  for (const id of ['listed', 'listed-too']) await freshResource(world)(id)
  for (let time = 0; time < 2; time += 1) {
    const refused = await world.hub.call('POST', '/v1/resources/listed/batches', {
      token: world.machine,
      body: [{}, {}, {}],
    })
    runId = refused.json().runId
  }
  const { ask } = await freshResource(world)('looked-at')
  for (let time = 0; time < 3; time += 1) await ask('records/read', { key: 'p1' })
})
afterAll(() => world.hub.close())

const lists = (): [string, string][] => [
  ['/departments', world.hub.adminToken],
  ['/systems', world.hub.adminToken],
  ['/staff', world.hub.adminToken],
  ['/resources', world.hub.adminToken],
  ['/code-tables/GB/T%202260', world.hub.adminToken],
  ['/runs', world.machine],
  [`/runs/${runId}/rejects`, operator],
  ['/applications', world.hub.adminToken],
  ['/grants', world.hub.adminToken],
  ['/audit/entries', auditor],
  ['/audit/subjects?resource=looked-at&key=p1', auditor],
  ['/resources/listed/records?homes.unit=U1', world.desk],
]

const get = (path: string, token: string, query: string) =>
  world.hub.call('GET', `/v1${path}${path.includes('?') ? '&' : '?'}${query}`, {
    token,
    headers: { 'x-purpose': 'item-1', 'x-operator': 'x' },
  })
const cursor = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString('base64url')

const kinds = [
  'departments',
  'systems',
  'staff',
  'resources',
  'divisions',
  'runs',
  'rejects',
  'applications',
  'grants',
  'entries',
  'subjects',
  'records',
].map((name, place): [string, number] => [name, place])

describe.each(kinds)('the list of %s', (name, place) => {
  const at = () => {
    const [path, token] = lists()[place] ?? ['', '']
    return [name === 'divisions' ? '/code-tables/divisions' : path, token] as const
  }

  test('has items and next, 50 when nothing is said, at most 1000', async () => {
    const [path, token] = at()
    for (const query of ['', 'limit=1000']) {
      const answer = await get(path, token, query)
      expect([path, answer.statusCode]).toEqual([path, 200])
      const { items, next } = answer.json()
      expect(items.length).toBeLessThanOrEqual(query === '' ? 50 : 1000)
      expect(next === null || typeof next === 'string').toBe(true)
    }
    for (const limit of ['0', '1001', '-1', '1.5', 'all']) {
      expect((await get(path, token, `limit=${limit}`)).json().code).toBe('request-invalid')
    }
  })

  test('refuses every cursor that it did not give', async () => {
    const [path, token] = at()
    const nonsense = ['x', '%25', cursor({}), cursor([]), cursor([null]), cursor([['a']])]
    const foreign = [cursor([1, 2, 3, 4]), cursor(['\u0000']), cursor([1e300]), cursor([-1.5])]
    foreign.push(cursor(['x'.repeat(900)]), cursor(['not-a-place']), cursor(["'; select 1"]))
    for (const after of nonsense) {
      const answer = await get(path, token, `after=${after}`)
      expect([after, answer.json().code]).toEqual([after, 'request-invalid'])
    }
    for (const after of foreign) {
      const { statusCode } = await get(path, token, `after=${after}`)
      expect([after, statusCode === 200 || statusCode === 400]).toEqual([after, true])
    }
  })
})

test('whatever can be created can be listed, and read by the id that the list gives', async () => {
  for (const path of [
    '/departments',
    '/systems',
    '/staff',
    '/resources',
    '/applications',
    '/grants',
  ]) {
    const { items } = (await get(path, world.hub.adminToken, 'limit=1000')).json()
    expect([path, items.length > 0]).toEqual([path, true])
    for (const { id } of items) {
      const read = await world.call(world.hub.adminToken, 'GET', `${path}/${id}`)
      expect([path, read.json().id]).toEqual([path, id])
    }
  }
  const run = await world.call(world.machine, 'GET', `/runs/${runId}`)
  expect(run.json().id).toBe(runId)
})
