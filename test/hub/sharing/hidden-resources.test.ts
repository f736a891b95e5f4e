import { afterAll, beforeAll, expect, test } from 'vitest'
import { plainDraft, publishDraft } from '../../support/resources.ts'
import { buildWorld, freshResource, peopleDraft, type World } from './support.ts'

let world: World
beforeAll(async () => {
  world = await buildWorld()
  const { hub } = world
  await hub.call('POST', '/v1/resources', {
    token: hub.adminToken,
    body: plainDraft('drafted', 'police'),
  })
  const refusal = {
    reason: '隐私',
    instrument: '《中华人民共和国个人信息保护法》',
    article: '第十条',
  }
  await publishDraft(hub, peopleDraft('unshared', { share: { type: 'not-shared', refusal } }))
  const { grant } = await freshResource(world)('gone')
  const admin = (path: string, body: object) => world.call(hub.adminToken, 'POST', path, body)
  await admin(`/grants/${grant}/transitions`, {
    action: 'terminate',
    ground: 'filed-change',
    reason: '停用',
  })
  await admin('/resources/gone/transitions', { action: 'withdraw', comment: '停用' })
})
afterAll(() => world.hub.close())

const calls = (id: string) => {
  const at = `/resources/${id}`
  return {
    read: () => world.ask('POST', `${at}/records/read`, { key: 'p1' }),
    get: () => world.ask('GET', `${at}/records/p1`),
    list: () => world.ask('POST', `${at}/records/list`, { where: { division: 'A' } }),
    filter: () => world.ask('GET', `${at}/records?division=A`),
    query: () => world.ask('POST', `${at}/records/query`, { keys: ['p1'] }),
    verify: () => world.ask('POST', `${at}/verify`, { key: 'p1', claims: { name: 'x' } }),
    changes: () => world.ask('GET', `${at}/changes`),
    resource: () => world.call(world.desk, 'GET', at),
    schema: () => world.call(world.desk, 'GET', `${at}/schema`),
    versions: () => world.call(world.desk, 'GET', `${at}/versions`),
  }
}
type Way = keyof ReturnType<typeof calls>
const ways: Way[] = [
  'read',
  'get',
  'list',
  'filter',
  'query',
  'verify',
  'changes',
  'resource',
  'schema',
  'versions',
]

test.each(ways)(
  '%s tells the same of a draft, what is not shared, withdrawn or never was',
  async (way) => {
    const told = []
    for (const id of ['drafted', 'unshared', 'gone', 'never-was']) {
      const answer = await calls(id)[way]()
      const { instance: _, ...problem } = answer.json()
      const headers = Object.keys(answer.headers).toSorted()
      told.push(JSON.stringify({ problem, headers }).replaceAll(id, '…'))
    }
    expect(told[0]).toContain('"not-found"')
    expect(new Set(told).size).toBe(1)
  },
)

test.each(['read', 'get', 'list', 'filter', 'query', 'verify', 'changes'] as const)(
  '%s of a published resource without a grant is grant-missing, unconditional ones too',
  async (way) => {
    const id = `open-${way}`
    await publishDraft(world.hub, peopleDraft(id, { share: { type: 'unconditional' } }))
    const answer = await calls(id)[way]()
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'grant-missing'])
  },
)

test('a grant of one operation is none of another', async () => {
  for (const [operation, allowed] of [
    ['read', ['read', 'get', 'query']],
    ['list', ['list', 'filter']],
    ['verify', ['verify']],
    ['changes', ['changes']],
  ] as const) {
    const id = `only-${operation}`
    await freshResource(world)(
      id,
      { operations: [operation], fields: ['name', 'division'] },
      { masks: { name: 'none' } },
    )
    const ok: string[] = []
    for (const way of ways.slice(0, 7)) {
      const answer = await calls(id)[way]()
      if (answer.statusCode === 200) ok.push(way)
      else expect([id, way, answer.json().code]).toEqual([id, way, 'grant-missing'])
    }
    expect([operation, ok]).toEqual([operation, allowed])
  }
})
