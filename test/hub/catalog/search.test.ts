import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import {
  type Call,
  move,
  notShared,
  ownDraft,
  personField,
  populationDraft,
  staffed,
  type Staffed,
} from './support.ts'

let hub: TestHub
let people: Staffed
beforeAll(async () => {
  hub = await buildTestHub()
  people = await staffed(hub)
  const draft = (body: unknown) => people.admin('POST', '/resources', body)
  await draft(populationDraft('population'))
  await draft(ownDraft('parking', { title: '停车场信息', abstract: '全市停车场 Parking lots' }))
  await draft(
    ownDraft('licences', {
      provider: 'housing',
      title: '许可证',
      abstract: '各类许可',
      category: { class: '1', item: '05', topic: '001' },
      share: { type: 'conditional', scope: '审批', use: '核验' },
      fields: [
        personField,
        { name: 'permitNo', title: '许可证编号', type: 'text', sensitivity: 'public' },
      ],
    }),
  )
  await draft(ownDraft('secret', notShared))
  for (const id of ['population', 'parking', 'secret']) await move(people.admin, id, 'publish')
})
afterAll(() => hub.close())

const idsFor = async (call: Call, query: string): Promise<string[]> => {
  const { status, body } = await call('GET', `/resources?${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.items.map(({ id }: { id: string }) => id)
}

describe('searching', () => {
  test.each([
    ['a title', '停车场信息', ['parking']],
    ['an id', 'PARK', ['parking']],
    ['a code', '105001/', ['licences']],
    ['an abstract, whatever its case and width', 'ｐａｒｋｉｎｇ lots', ['parking']],
    ['a field’s title, spaces or not', '许可证 编 号', ['licences']],
    ['a field’s name', 'permitno', ['licences']],
    ['a standard’s field', 'hukouDivision', ['population']],
    ['every word', '停车 车位', ['parking', 'secret']],
    ['what a pattern would match', '%', []],
    ['what nobody has', '不存在的词', []],
  ])('finds %s: %s', async (_what, q, ids) => {
    expect(await idsFor(people.admin, `q=${encodeURIComponent(q)}`)).toEqual(ids)
  })

  test('narrows by class, department, sharing, state and standard', async () => {
    expect(await idsFor(people.admin, 'class=1')).toEqual(['licences', 'population'])
    expect(await idsFor(people.admin, 'department=housing')).toEqual(['licences'])
    expect(await idsFor(people.admin, 'shareType=not-shared')).toEqual(['secret'])
    expect(await idsFor(people.admin, 'state=draft')).toEqual(['licences'])
    expect(await idsFor(people.admin, 'standard=population&class=1')).toEqual(['population'])
  })

  test('shows each caller what they may know of', async () => {
    expect(await idsFor(people.machine, '')).toEqual(['parking', 'population'])
    expect(await idsFor(people.stranger, '')).toEqual(['licences', 'parking', 'population'])
    expect(await idsFor(people.operator, '')).toEqual(['parking', 'population', 'secret'])
    expect(await idsFor(people.machine, 'state=draft')).toEqual([])
  })

  test('shows others the published side of what is being revised', async () => {
    await people.admin('POST', '/resources', ownDraft('two-faced', { title: '旧名称' }))
    await move(people.admin, 'two-faced', 'publish')
    await move(people.admin, 'two-faced', 'revise')
    await people.admin('PUT', '/resources/two-faced', ownDraft('two-faced', { title: '新名称' }))
    const q = (word: string) => `q=${encodeURIComponent(word)}`
    expect(await idsFor(people.machine, q('旧名称'))).toEqual(['two-faced'])
    expect(await idsFor(people.machine, q('新名称'))).toEqual([])
    expect(await idsFor(people.operator, q('新名称'))).toEqual(['two-faced'])
    expect(await idsFor(people.operator, `${q('名称')}&state=draft`)).toEqual(['two-faced'])
    const { body } = await people.machine('GET', `/resources?${q('旧名称')}`)
    expect(body.items[0]).toMatchObject({ title: '旧名称', state: 'published', version: 1 })
    expect(body.items[0]).not.toHaveProperty('fields')
  })

  test('goes page by page, each resource once, also while others are added', async () => {
    for (let index = 0; index < 7; index += 1) {
      await people.admin('POST', '/resources', ownDraft(`page-${index}`))
    }
    const q = `q=page-&limit=3`
    const first = await people.admin('GET', `/resources?${q}`)
    await people.admin('POST', '/resources', ownDraft('page-0a'))
    const second = await people.admin('GET', `/resources?${q}&after=${first.body.next}`)
    const third = await people.admin('GET', `/resources?${q}&after=${second.body.next}`)
    const ids = [first, second, third].flatMap(({ body }) =>
      body.items.map(({ id }: { id: string }) => id),
    )
    expect(ids).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4', 'page-5', 'page-6'])
    expect(third.body.next).toBeNull()
  })

  test('refuses a page that is too long, a cursor that is none and a filter of no meaning', async () => {
    for (const query of ['limit=1001', 'after=xyz', 'class=9', 'state=lost']) {
      const answer = await people.admin('GET', `/resources?${query}`)
      expect(answer.body.code, query).toBe('request-invalid')
    }
  })
})
