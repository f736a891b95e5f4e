import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorld, freshResource, person, type World } from './support.ts'

let world: World
beforeAll(async () => {
  world = await buildWorld()
})
afterAll(() => world.hub.close())

/** p1 is refused a newer version, p2 is not. */
async function doubtful(id: string, more: Record<string, unknown> = {}) {
  const { ask, read } = await freshResource(world)(id, more, {
    masks: { number: 'none', name: 'none' },
  })
  const refused = await world.hub.call('POST', `/v1/resources/${id}/batches`, {
    token: world.machine,
    body: [person('p1', { height: 'tall' })],
  })
  expect(refused.json().counts).toMatchObject({ rejected: 1 })
  const repair = () =>
    world.hub.call('POST', `/v1/resources/${id}/batches`, {
      token: world.machine,
      body: [person('p1', { height: '1.80' })],
    })
  return { ask, read, repair }
}

const flags = ['newer-version-refused']

test('a refused newer version is told in every kind of answer, until it is repaired', async () => {
  const { ask, read, repair } = await doubtful('told')
  const qualities = async () => {
    const follow = await world.ask('GET', '/resources/told/changes')
    const ofP1 = follow.json().items.find((item: { key: string }) => item.key === 'p1')
    return {
      read: (await read('p1')).json().meta.quality,
      list: (await ask('records/list', { where: { number: 'Np1' } })).json().items[0].meta.quality,
      query: (await ask('records/query', { keys: ['p1'] })).json().items[0].meta.quality,
      verify: (await ask('verify', { key: 'p1', claims: { name: '张三' } })).json().quality,
      wrong: (await ask('verify', { key: 'p1', claims: { name: '李四' } })).json().quality,
      changes: ofP1.meta.quality,
    }
  }
  const everywhere = (quality: string[]) =>
    Object.fromEntries(
      ['read', 'list', 'query', 'verify', 'wrong', 'changes'].map((way) => [way, quality]),
    )
  expect(await qualities()).toEqual(everywhere(flags))
  expect((await read('p2')).json().meta.quality).toEqual([])
  expect((await repair()).json().counts).toMatchObject({ updated: 1 })
  expect(await qualities()).toEqual(everywhere([]))
})

test('a grant for unflagged records only shows the flagged ones to nobody, as if they were not there', async () => {
  const { ask, read, repair } = await doubtful('clean', { unflaggedOnly: true })
  expect((await read('p1')).json().code).toBe('not-found')
  expect((await read('p2')).statusCode).toBe(200)
  const listed = async () =>
    (await ask('records/list', { where: {} }))
      .json()
      .items.map((item: { record: { personId: string } }) => item.record.personId)
  expect(await listed()).toEqual(['p2'])
  const queried = await ask('records/query', { keys: ['p1', 'p2'] })
  expect(queried.json().items.map(Boolean)).toEqual([false, true])
  expect((await ask('verify', { key: 'p1', claims: { name: '张三' } })).json()).toEqual({
    result: 'absent',
    claims: { name: 'absent' },
    subjectStatus: null,
    quality: [],
  })
  await repair()
  expect((await read('p1')).json().meta.quality).toEqual([])
  expect((await listed()).toSorted()).toEqual(['p1', 'p2'])
})
