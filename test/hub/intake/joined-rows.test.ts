import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { plainDraft, publishDraft } from '../../support/resources.ts'
import { failOn, type IntakeHub, openIntakeHub } from './support.ts'

let hub: IntakeHub
let houses: string
let made = 0

const draft = (id: string) => {
  const plain = plainDraft(id, 'provider')
  const owners = {
    name: 'owners',
    title: '权利人',
    type: 'array',
    sensitivity: 'public',
    fields: [{ name: 'name', title: '姓名', type: 'text', length: 20, sensitivity: 'public' }],
  }
  return { ...plain, fields: [...plain.fields, owners] }
}
const mapping = {
  fields: { thing: { from: 'BH' }, amount: { from: 'SL', steps: ['trim'] } },
  children: { owners: { rows: { name: 'QLR' } } },
}

beforeAll(async () => {
  hub = await openIntakeHub()
})
beforeEach(async () => {
  made += 1
  houses = await publishDraft(hub, draft(`houses-${made}`), { mapping })
})
afterAll(() => hub.close())

/** Houses with so many owners each, one source row an owner. */
const csv = (houseCount: number, ownerCount: number): string => {
  const lines = ['BH,SL,QLR']
  for (let house = 0; house < houseCount; house += 1) {
    const name = `h-${String(house).padStart(6, '0')}`
    for (let owner = 0; owner < ownerCount; owner += 1) lines.push(`${name},1,甲${owner}`)
  }
  return `${lines.join('\n')}\n`
}

const ownersOf = async (): Promise<number[]> => {
  const rows = await hub.records(houses, ['jsonb_array_length(owners) as count'])
  return rows.map(({ count }) => Number(count))
}

test('rows of one key make one record: one lands, its neighbours live on in it', async () => {
  const { counts } = await hub.pushed(houses, csv(2, 3), { type: 'text/csv' })
  expect(counts).toMatchObject({ read: 6, inserted: 2, superseded: 4 })
  expect(await ownersOf()).toEqual([3, 3])
})

test('a record whose rows lie on both sides of a batch’s end loses none of them', async () => {
  const { counts } = await hub.pushed(houses, csv(6001, 7), { type: 'text/csv' })
  expect(counts).toMatchObject({ read: 42_007, inserted: 6001, superseded: 36_006 })
  expect(new Set(await ownersOf())).toEqual(new Set([7]))
})

test('a push that is resumed between such rows loses none of them either', async () => {
  const undo = await failOn(hub, 'hub.batches', 'new.number = 2')
  const options = { type: 'text/csv', headers: { 'idempotency-key': `k-${made}` } }
  expect((await hub.push(houses, csv(6001, 7), options)).statusCode).toBe(500)
  await undo()
  const { counts } = await hub.pushed(houses, csv(6001, 7), options)
  expect(counts).toMatchObject({ read: 42_007, inserted: 6001, superseded: 36_006 })
  expect(new Set(await ownersOf())).toEqual(new Set([7]))
})

test('a key that comes back in a later batch is refused: it would lose what came before', async () => {
  const answer = await hub.push(houses, `${csv(3001, 7)}h-000000,1,乙\n`, { type: 'text/csv' })
  expect(answer.json()).toMatchObject({ code: 'request-invalid' })
})

test('all rows of a refused record are rejects, and together they can be replayed', async () => {
  const body = 'BH,SL,QLR\na,bad,甲\na,bad,乙\nb,1,丙\n'
  const { runId, counts } = await hub.pushed(houses, body, { type: 'text/csv' })
  expect(counts).toMatchObject({ read: 3, inserted: 1, rejected: 2, superseded: 0 })
  const rows = [
    { line: 2, source: { BH: 'a', SL: '1', QLR: '甲' } },
    { line: 3, source: { BH: 'a', SL: '1', QLR: '乙' } },
  ]
  const answer = await hub.call('POST', `/v1/runs/${runId}/replay`, {
    token: hub.operator,
    body: { rows },
  })
  expect(answer.json().counts).toMatchObject({ read: 2, inserted: 1, superseded: 1 })
  expect(await ownersOf()).toEqual([2, 1])
})
