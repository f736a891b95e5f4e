import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorld, freshResource, person, type World } from './support.ts'

/*
 * Calls that arrive together are looked up together (`pipelined-reads.ts`). Nobody must notice: each gets what
 * it would have got alone, under its own grant, and its own entry in the log.
 */
let world: World
let other: string
beforeAll(async () => {
  world = await buildWorld()
  other = await world.hub.makeSystem('desk-2', 'housing', 'business-system')
  await freshResource(world)('crowd')
  await world.push('crowd', [
    person('p3', { number: 'twice' }),
    person('p4', { number: 'twice', division: 'B' }),
    person('p5', { number: 'new', formerNumbers: ['old'] }),
  ])
  await world.push('crowd', [person('p5', { number: 'newer', formerNumbers: ['old'] })])
  await world.grant(
    { resource: 'crowd', system: 'desk-2', fields: ['personId', 'division', 'bornOn'] },
    { rows: { division: ['A'] } },
  )
})
afterAll(() => world.hub.close())

const keys = ['p1', 'p2', 'Np1', 'number:Np2', 'twice', 'new', 'newer', 'old', 'U1', 'nobody', '']

interface Asked {
  token: string
  path: string
  body: object
}
const asked = (): Asked[] =>
  [world.desk, other].flatMap((token) =>
    keys.flatMap((key) => [
      { token, path: 'records/read', body: { key } },
      { token, path: 'records/read', body: { key, fields: ['personId'] } },
      { token, path: 'verify', body: { key, claims: { bornOn: '1990-01-01' } } },
    ]),
  )

async function answerTo({ token, path, body }: Asked) {
  const headers = { 'x-purpose': 'item-1', 'x-operator': 'x' }
  const url = `/v1/resources/crowd/${path}`
  const answer = await world.hub.call('POST', url, { token, headers, body })
  const { instance: _own, ...told } = answer.json()
  return { status: answer.statusCode, told, entry: String(answer.headers['x-audit-id'] ?? '') }
}

test('calls that come together get what each gets alone, and an entry each', async () => {
  const alone: Awaited<ReturnType<typeof answerTo>>[] = []
  for (const one of asked()) alone.push(await answerTo(one))
  expect(new Set(alone.map(({ status }) => status))).toEqual(new Set([200, 400, 404, 409]))
  for (let round = 0; round < 3; round++) {
    const together = await Promise.all([...asked(), ...asked()].map(answerTo))
    expect(together.map(({ status, told }) => [status, told])).toEqual(
      [...alone, ...alone].map(({ status, told }) => [status, told]),
    )
    const entries = together.map(({ entry }) => entry)
    expect(entries).not.toContain('')
    expect(new Set(entries).size).toBe(together.length)
  }
})

test('a grant that ends between calls that come together ends for its own system alone', async () => {
  const { grant } = await freshResource(world)('ending')
  await world.grant({ resource: 'ending', system: 'desk-2' })
  const read = async (token: string): Promise<number> => {
    const headers = { 'x-purpose': 'item-1', 'x-operator': 'x' }
    const call = { token, headers, body: { key: 'p1' } }
    return (await world.hub.call('POST', '/v1/resources/ending/records/read', call)).statusCode
  }
  const crowd = async (): Promise<number[][]> => {
    const both = [world.desk, other].map((token) =>
      Promise.all(Array.from({ length: 20 }, () => read(token))),
    )
    return (await Promise.all(both)).map((told) => [...new Set(told)])
  }
  expect(await crowd()).toEqual([[200], [200]])
  const action = { action: 'suspend', ground: 'misuse', reason: '核查' }
  await world.call(world.hub.adminToken, 'POST', `/grants/${grant}/transitions`, action)
  expect(await crowd()).toEqual([[403], [200]])
})
