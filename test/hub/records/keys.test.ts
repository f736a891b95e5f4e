import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishDraft, standardDraft } from '../../support/resources.ts'
import { buildWorld, freshResource, person, type World } from '../sharing/support.ts'

let world: World
let ask: Awaited<ReturnType<ReturnType<typeof freshResource>>>['ask']

/** Numbers as certificates, permits and houses have them. */
const numbers = [
  '湘(2020)长沙市不动产权第0000001号',
  '（湘）FM安许证字〔2021〕S001号',
  'ISO/IEC 27001:2022',
  'number:inner',
  'nofield:value',
  '100% 棉',
  'a?b=c&d#e',
  '..',
  "x' or '1'='1",
  '𠮷野家',
  'x'.repeat(30),
] as const

beforeAll(async () => {
  world = await buildWorld()
  ask = (await freshResource(world)('keyed', {}, { masks: { number: 'none', name: 'none' } })).ask
  await world.push(
    'keyed',
    numbers.map((number, place) => person(`k${place}`, { number })),
  )
})
afterAll(() => world.hub.close())

test.each(numbers.map((number, place) => [number, `k${place}`]))(
  'a record is found by the number %s, in a body and in an address',
  async (number, personId) => {
    const named = `number:${number}`
    const encoded = encodeURIComponent(number)
    const found = [
      await ask('records/read', { key: number === 'number:inner' ? named : number }),
      await ask('records/read', { key: named }),
      await world.ask('GET', `/resources/keyed/records/number:${encoded}?fields=personId`),
    ]
    const queried = await ask('records/query', { keys: [named, 'nobody', named] })
    const places = queried
      .json()
      .items.map((item: { record: { personId: string } } | null) => item?.record.personId ?? null)
    expect(places).toEqual([personId, null, personId])
    for (const answer of found) {
      expect([answer.statusCode, answer.json().record?.personId]).toEqual([200, personId])
    }
    const listed = [
      await ask('records/list', { where: { number } }),
      await world.ask('GET', `/resources/keyed/records?number=${encoded}`),
    ]
    for (const answer of listed) {
      const ids = answer
        .json()
        .items.map((item: { record: { personId: string } }) => item.record.personId)
      expect(ids).toEqual([personId])
    }
    const verified = await ask('verify', { key: named, claims: { number } })
    expect(verified.json().result).toBe('match')
  },
)

test('a key of another field’s value finds nothing', async () => {
  for (const key of ['personId:Np1', 'number:p1', 'homes.unit:p1']) {
    expect([key, (await ask('records/read', { key })).json().code]).toEqual([key, 'not-found'])
  }
})

test('a key that is too long is refused, one that is blank or has only a field finds nothing', async () => {
  expect((await ask('records/read', { key: 'x'.repeat(601) })).json().code).toBe('request-invalid')
  for (const key of [' ', 'number:', ':', 'x'.repeat(600)]) {
    expect([key, (await ask('records/read', { key })).json().code]).toEqual([key, 'not-found'])
  }
})

test.each([
  '11010519491231002X',
  '11010519491231002x',
  ' 11010519491231002X ',
  '１１０１０５１９４９１２３１００２Ｘ',
])('an identity number is found as %j, by every kind of call', async (typed) => {
  const id = await residents()
  const at = `/resources/${id}`
  const told = [
    (await world.ask('POST', `${at}/records/read`, { key: typed })).json().record,
    (await world.ask('POST', `${at}/records/query`, { keys: [typed] })).json().items[0]?.record,
    (await world.ask('POST', `${at}/records/list`, { where: { idNumber: typed } })).json().items[0]
      ?.record,
  ]
  const record = { sourcePersonId: 'r1', idNumber: '11010519491231002X' }
  expect(told).toEqual([record, record, record])
  const claims = { idNumber: typed }
  const verified = await world.ask('POST', `${at}/verify`, { key: typed, claims })
  expect(verified.json().result).toBe('match')
})

let published: Promise<string> | null = null
const residents = (): Promise<string> => (published ??= publishResidents())
async function publishResidents(): Promise<string> {
  const id = await publishDraft(world.hub, standardDraft('residents', 'police', 'population'))
  await world.push(id, [
    {
      sourcePersonId: 'r1',
      idNumber: '11010519491231002X',
      name: '赵六',
      sex: '2',
      birthDate: '1949-12-31',
      ethnicity: '01',
      hukouDivision: '430182',
      hukouAddress: '某址',
    },
  ])
  await world.grant(
    { resource: id, fields: ['sourcePersonId', 'idNumber'] },
    { masks: { idNumber: 'none' } },
  )
  return id
}
