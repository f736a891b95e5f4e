import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildHub } from '../../../src/hub/app.ts'
import { buildWorld, clockFromNoon, freshResource, type World } from './support.ts'

let world: World
beforeAll(async () => {
  world = await buildWorld({ clock: clockFromNoon() })
})
afterAll(() => world.hub.close())

const limited = async (id: string, dailyQuota: number) => {
  const { ask, read } = await freshResource(world)(id, { dailyQuota })
  const left = async (): Promise<number | null> => {
    const { items } = (await world.call(world.desk, 'GET', '/allowed')).json()
    return items.find(({ resource }: { resource: string }) => resource === id).quotaLeft
  }
  return { ask, read, left }
}

test('every kind of call takes as many records as it answered, and none for what is not there', async () => {
  const { ask, read, left } = await limited('counted', 100)
  const used = async (call: () => Promise<unknown>): Promise<number> => {
    const before = (await left()) ?? 0
    await call()
    return before - ((await left()) ?? 0)
  }
  const verify = (key: string, bornOn: string) => ask('verify', { key, claims: { bornOn } })
  expect({
    read: await used(() => read('p1')),
    absent: await used(() => read('nobody')),
    refused: await used(() => read('p1', { fields: ['height'] })),
    list: await used(() => ask('records/list', { where: {} })),
    one: await used(() => ask('records/list', { where: {}, limit: 1 })),
    none: await used(() => ask('records/list', { where: { division: 'Z' } })),
    query: await used(() => ask('records/query', { keys: ['p1', 'nobody', 'p2'] })),
    verify: await used(() => verify('p1', '1990-01-01')),
    mismatch: await used(() => verify('p1', '1990-01-02')),
    unverified: await used(() => verify('nobody', '1990-01-01')),
    changes: await used(() => world.ask('GET', '/resources/counted/changes')),
    noChanges: await used(() => world.ask('GET', '/resources/counted/changes?after=2')),
  }).toEqual({
    read: 1,
    absent: 0,
    refused: 0,
    list: 2,
    one: 1,
    none: 0,
    query: 2,
    verify: 1,
    mismatch: 1,
    unverified: 0,
    changes: 2,
    noChanges: 0,
  })
})

test('calls at the same moment never take more than there is', async () => {
  const { read } = await limited('crowded', 5)
  const answers = await Promise.all(Array.from({ length: 20 }, () => read('p1')))
  const codes = answers.map((answer) => answer.json().code ?? 'ok')
  expect(codes.filter((code) => code === 'ok').length).toBeLessThanOrEqual(5)
  expect(new Set(codes)).toEqual(new Set(['ok', 'quota-exceeded']))
})

test('two processes together never answer more than the quota', async () => {
  await limited('shared-quota', 6)
  const other = await buildHub({ ...world.hub.app.hub, logStream: { write: () => undefined } })
  await other.ready()
  try {
    const payload = { key: 'p1', context: { purpose: 'item-1', operator: 'x' } }
    const headers = { authorization: `Bearer ${world.desk}` }
    const url = '/v1/resources/shared-quota/records/read'
    let answered = 0
    for (let turn = 0; turn < 10; turn += 1) {
      for (const app of [world.hub.app, other]) {
        const { statusCode } = await app.inject({ method: 'POST', url, headers, payload })
        if (statusCode === 200) answered += 1
        else expect(statusCode).toBe(429)
      }
    }
    expect(answered).toBe(6)
  } finally {
    await other.close()
  }
})
