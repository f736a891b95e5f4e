import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publishDraft, standardDraft } from '../../support/resources.ts'
import { buildWorld, freshResource, person, type World } from '../sharing/support.ts'

let world: World
let auditor: string
beforeAll(async () => {
  world = await buildWorld()
  auditor = await world.hub.makeStaff('auditor-1', ['auditor'])
})
afterAll(() => world.hub.close())

interface Look {
  id: string
  operation: string
  via: string
  operator: string | null
  outcome: string
}
const looks = async (resource: string, key: string, token = auditor): Promise<Look[]> => {
  const body = { resource, key, limit: 1000 }
  const answer = await world.call(token, 'POST', '/audit/subjects', body)
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json().items
}
const operations = async (resource: string, key: string): Promise<string[]> =>
  (await looks(resource, key)).map(({ operation }) => operation).toSorted()

const fresh: ReturnType<typeof freshResource> = (...asked) => freshResource(world)(...asked)

/** One person looked at in every way, then renumbered and looked at once more. */
async function lookedAt(resource: string) {
  const { ask, read, grant } = await fresh(
    resource,
    {},
    { masks: { number: 'none', name: 'none' } },
  )
  await read('Np1')
  await ask('records/list', { where: { 'homes.unit': 'U1' } })
  await ask('records/query', { keys: ['p2', 'Np1'] })
  await ask('verify', { key: 'p1', claims: { name: '张三' } })
  await world.ask('GET', `/resources/${resource}/changes`)
  await world.push(resource, [person('p1', { number: 'NEW1' })])
  await read('NEW1')
  return { grant }
}
const everyWay = [
  'records.changes',
  'records.list',
  'records.query',
  'records.read',
  'records.read',
  'records.verify',
]

describe('who looked at a record', () => {
  test('is told for every way of looking, by its merge key, its number and its former number', async () => {
    await lookedAt('looked-at')
    for (const key of ['p1', 'Np1', 'NEW1', 'number:Np1', 'personId:p1']) {
      expect([key, await operations('looked-at', key)]).toEqual([key, everyWay])
    }
    const found = await looks('looked-at', 'p1')
    expect(found.every(({ operator }) => operator === '李四')).toBe(true)
    expect(await operations('looked-at', 'p2')).toEqual(['records.changes', 'records.query'])
    expect(await operations('looked-at', 'nobody')).toEqual([])
  })

  test('is told of a feed that went past a record with former versions, however often it changed since', async () => {
    await publishDraft(world.hub, standardDraft('residents', 'police', 'population'))
    const resident = (sourcePersonId: string, hukouAddress: string) => ({
      sourcePersonId,
      name: '赵六',
      noIdReason: '无户口人员',
      sex: '1',
      birthDate: '1980-05-05',
      ethnicity: '01',
      hukouDivision: '430182',
      hukouAddress,
    })
    await world.push('residents', [resident('r1', '旧址')])
    await world.grant({ resource: 'residents', fields: ['name'] })
    const { next } = (await world.ask('GET', '/resources/residents/changes')).json()
    await world.push('residents', [resident('r1', '新址'), resident('r2', '旧址')])
    await world.push('residents', [resident('r1', '又一处')])
    await world.ask('GET', `/resources/residents/changes?after=${next}`)
    const ways = async (key: string) => (await looks('residents', key)).map(({ via }) => via)
    expect([await ways('r1'), await ways('r2')]).toEqual([['range', 'range'], ['range']])
  })

  test('is told of looks that were refused or found nothing, too', async () => {
    const { ask, read } = await fresh('looked-in-vain', { rows: { division: ['B'] } })
    await read('p1')
    await ask('records/read', { key: 'p1' }, { 'x-purpose': 'item-9' })
    const found = await looks('looked-in-vain', 'p1')
    expect(found.map(({ outcome }) => outcome)).toEqual(['denied', 'absent'])
  })

  test('is still told when the record is deleted, and when its resource is withdrawn', async () => {
    const { grant } = await lookedAt('given-up')
    await world.push('given-up', [{ personId: 'p1' }], 'delete')
    expect(await operations('given-up', 'NEW1')).toEqual(everyWay)
    const admin = (path: string, body: object) =>
      world.call(world.hub.adminToken, 'POST', path, body)
    await admin(`/grants/${grant}/transitions`, {
      action: 'terminate',
      ground: 'filed-change',
      reason: '停用',
    })
    const withdrawn = await admin('/resources/given-up/transitions', {
      action: 'withdraw',
      comment: '停用',
    })
    expect(withdrawn.json().state).toBe('withdrawn')
    for (const key of ['p1', 'Np1', 'NEW1']) {
      expect([key, await operations('given-up', key)]).toEqual([key, everyWay])
    }
    // The records themselves are not to be had any more.
    const read = await world.ask('POST', '/resources/given-up/records/read', { key: 'p1' })
    expect(read.json().code).toBe('not-found')
  })

  test('of a resource that never was, or never had records, is nobody', async () => {
    const { hub } = world
    expect(await looks('nothing', 'p1')).toEqual([])
    const stranger = await hub.makeStaff('stranger', ['share-office-head'], 'housing')
    const asked = await world.call(stranger, 'POST', '/audit/subjects', {
      resource: 'looked-at',
      key: 'p1',
    })
    expect(asked.json().code).toBe('role-missing')
  })
})

describe('every answer of a taking out', () => {
  test('carries the id and the leaf of its entry, whatever came of the call', async () => {
    const { ask, read } = await fresh('receipts', { rows: { division: ['A'] } })
    const answers = [
      await read('p1'),
      await world.ask('GET', '/resources/receipts/records/p1'),
      await ask('records/list', { where: {} }),
      await world.ask('GET', '/resources/receipts/records?division=A'),
      await ask('records/query', { keys: ['p1', 'p2'] }),
      await ask('verify', { key: 'p1', claims: { bornOn: '1990-01-01' } }),
      await world.ask('GET', '/resources/receipts/changes'),
      await read('p2'),
      await read('p1', { fields: ['height'] }),
      await ask('records/read', { key: 'p1' }, { 'x-operator': '' }),
      await ask('records/read', { key: '' }),
      await ask('records/read', { key: 'p1' }, { 'x-operator': '%E6%9' }),
    ]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([
      200, 200, 200, 200, 200, 200, 200, 404, 403, 403, 400, 400,
    ])
    const ids = new Set<unknown>()
    for (const { headers } of answers) {
      const entry = await world.call(
        auditor,
        'GET',
        `/audit/entries/${String(headers['x-audit-id'])}`,
      )
      expect(entry.statusCode).toBe(200)
      expect(headers['x-audit-leaf']).toBe(entry.json().receipt.leaf)
      ids.add(headers['x-audit-id'])
    }
    expect(ids.size).toBe(answers.length)
  })
})
