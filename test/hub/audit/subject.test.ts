import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publishDraft, standardDraft } from '../../support/resources.ts'
import { buildWorld, freshResource, person, type World } from '../sharing/support.ts'
import {
  defineDelivery,
  deliver,
  openSubscriber,
  type SubscriberStore,
} from '../delivery/support.ts'

let world: World
let auditor: string
let subscriber: SubscriberStore
beforeAll(async () => {
  world = await buildWorld()
  auditor = await world.hub.makeStaff('auditor-1', ['auditor'])
  subscriber = await openSubscriber()
})
afterAll(async () => {
  await subscriber.close()
  await world.hub.close()
})

const fresh: ReturnType<typeof freshResource> = (...asked) => freshResource(world)(...asked)
const looks = async (
  resource: string,
  key: string,
): Promise<{ operation: string; outcome: string }[]> => {
  const answer = await world.call(auditor, 'POST', '/audit/subjects', {
    resource,
    key,
    limit: 1000,
  })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json().items
}
const told = async (resource: string, key: string): Promise<string[]> =>
  (await looks(resource, key)).map(({ operation, outcome }) => `${operation} ${outcome}`)

describe('a look at a record', () => {
  test('that was a delivery is found by every key of the record that it carried, and by no other', async () => {
    const { grant } = await fresh('delivered', {
      operations: ['deliver'],
      fields: ['personId', 'number', 'name'],
    })
    const sync = await defineDelivery(world.hub, {
      id: 'delivered',
      resource: 'delivered',
      grant,
      connector: 'postgres',
      settings: { url: subscriber.url, table: 'delivered' },
    })
    const { run } = await deliver(world.hub, sync)
    expect(run.state).toBe('succeeded')
    await world.push('delivered', [person('p3')])
    for (const key of ['p1', 'Np1', 'number:Np1']) {
      expect([key, await told('delivered', key)]).toEqual([key, ['records.deliver allowed']])
    }
    expect(await told('delivered', 'p3')).toEqual([])
  })

  test('that was refused under a number is found by the merge key, and under the merge key by the number', async () => {
    const { ask } = await fresh('refused')
    const refused = (key: string) => ask('records/read', { key }, { 'x-purpose': 'item-9' })
    for (const key of ['Np1', 'number:Np1', 'p1', 'U1']) await refused(key)
    await ask('verify', { key: 'Np1', claims: { name: '张三' } }, { 'x-purpose': 'item-9' })
    const all = ['records.verify denied', ...Array.from({ length: 4 }, () => 'records.read denied')]
    for (const key of ['p1', 'Np1', 'personId:p1', 'homes.unit:U1']) {
      expect([key, await told('refused', key)]).toEqual([key, all])
    }
    expect(await told('refused', 'p2')).toEqual([])
  })

  test('that was refused under a number of former days is found by the present one, and the other way round', async () => {
    const { ask } = await fresh('renumbered')
    const refused = (key: string) => ask('records/read', { key }, { 'x-purpose': 'item-9' })
    await refused('Np1')
    await world.push('renumbered', [person('p1', { number: 'NEW1', formerNumbers: ['OLD1'] })])
    await refused('OLD1')
    await refused('NEW1')
    for (const key of ['p1', 'Np1', 'NEW1', 'OLD1']) {
      expect([key, (await looks('renumbered', key)).length]).toEqual([key, 3])
    }
    await world.push('renumbered', [{ personId: 'p1' }], 'delete')
    for (const key of ['p1', 'Np1', 'NEW1', 'OLD1']) {
      expect([key, (await looks('renumbered', key)).length]).toEqual([key, 3])
    }
  })

  test('that was refused under a number which later dropped out of the list of former ones is not lost', async () => {
    const { ask } = await fresh('dropped')
    const refused = (key: string) => ask('records/read', { key }, { 'x-purpose': 'item-9' })
    await world.push('dropped', [person('p1', { formerNumbers: ['OLD1', 'OLD2'] })])
    await refused('OLD1')
    await refused('formerNumbers:OLD1')
    await refused('p1')
    await world.push('dropped', [person('p1', { formerNumbers: ['OLD2'] })])
    await refused('OLD1')
    const keys = ['p1', 'Np1', 'OLD1', 'formerNumbers:OLD1', 'OLD2']
    const found = async () =>
      Promise.all(keys.map(async (key) => [key, (await looks('dropped', key)).length]))
    expect(await found()).toEqual(keys.map((key) => [key, 4]))
    // Put right: another record lists it now. Whoever asks by it is told of both.
    await world.push('dropped', [person('p2', { formerNumbers: ['OLD1'] })])
    expect(await found()).toEqual(keys.map((key) => [key, 4]))
    await refused('p2')
    expect((await looks('dropped', 'OLD1')).length).toBe(5)
    expect((await looks('dropped', 'p1')).length).toBe(4)
  })

  test('of a resident is found by the former numbers of all former versions, after deletion too', async () => {
    await publishDraft(world.hub, standardDraft('residents', 'police', 'population'))
    const resident = (more: object) => ({
      sourcePersonId: 'r1',
      name: '赵六',
      idNumber: '11010119900307002X',
      sex: '2',
      birthDate: '1990-03-07',
      ethnicity: '01',
      hukouDivision: '430182',
      ...more,
    })
    await world.grant({ resource: 'residents', fields: ['name'] })
    const refused = (key: string) =>
      world.ask('POST', '/resources/residents/records/read', { key }, { 'x-purpose': 'item-9' })
    await world.push('residents', [resident({ formerIdNumbers: ['110101900307002'] })])
    await refused('110101900307002')
    await refused('11010119900307002x')
    await world.push('residents', [resident({ name: '赵陆' })])
    await refused('赵陆')
    const keys = ['11010119900307002X', '11010119900307002x', 'idNumber:11010119900307002X']
    const both = ['records.read denied', 'records.read denied']
    for (const key of keys) expect([key, await told('residents', key)]).toEqual([key, both])
    await world.push('residents', [{ idNumber: '11010119900307002X' }], 'delete')
    for (const key of keys) expect([key, await told('residents', key)]).toEqual([key, both])
  })

  test('that found nothing is found once the record is there', async () => {
    const { read } = await fresh('not-yet')
    await read('Np9')
    expect(await told('not-yet', 'Np9')).toEqual(['records.read absent'])
    expect(await told('not-yet', 'number:Np9')).toEqual(['records.read absent'])
    await world.push('not-yet', [person('p9')])
    expect(await told('not-yet', 'p9')).toEqual(['records.read absent'])
  })
})

const report = (resource: string, key: string, more: object = {}, token = auditor) =>
  world.call(token, 'POST', '/audit/subjects/export', { resource, key, ...more })

describe('the report for the person', () => {
  test('says in both languages who looked when and for what, and names no clerk and no key', async () => {
    const { read, ask } = await fresh('told')
    const receipt = String((await read('Np1')).headers['x-audit-id'])
    await ask('verify', { key: 'p1', claims: { name: '张三' } })
    await ask('records/read', { key: 'p1' }, { 'x-purpose': 'item-9' })
    const { body, headers, statusCode } = await report('told', 'p1')
    expect([statusCode, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    const said = [
      '部门 housing',
      '系统 desk',
      'item-1',
      receipt,
      '仅核对,未显示内容 / compared only, no content shown',
      '已拒绝,未提供 / refused, nothing given',
      '在线日志可追溯至',
      '批量变更中包含',
    ]
    for (const words of said) expect(body).toContain(words)
    for (const hidden of ['李四', 'Np1', 'auditor-1', '>desk<', '>housing<', 'http']) {
      expect(body.replace('http-equiv', '')).not.toContain(hidden)
    }
    expect(headers['x-audit-id']).toBeTruthy()
    const own = world.hub.entries.at(-1)
    expect(own).toMatchObject({ operation: 'audit.subjects.export', resource: 'told', rowCount: 3 })
    // As a word: two letters may stand by chance in a hash.
    expect(JSON.stringify(own)).not.toMatch(/\bN?p1\b/)
  })

  test('comes as text and as CSV, in one language where that is asked for', async () => {
    const { read } = await fresh('formats')
    await read('p1')
    const text = await report('formats', 'p1', { format: 'text', language: 'zh' })
    expect(text.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(text.body).toContain('系统: 系统 desk')
    expect(text.body).not.toContain('system')
    const csv = await report('formats', 'p1', { format: 'csv', language: 'en' })
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8')
    const [heading, first] = csv.body.split('\r\n')
    expect(heading).toBe(
      '\uFEFFwhen (Beijing time),department,system,for what item,how,outcome,receipt',
    )
    expect(first).toContain('部门 housing,系统 desk,item-1,looked up,given,')
  })

  test('puts no name into the page as markup', async () => {
    const title = '<script>alert(1)</script>'
    await fresh('marked')
    const { pool } = world.hub.app.hub.database
    await pool.query('update hub.resources set title = $1 where id = $2', [title, 'marked'])
    const { body } = await report('marked', 'p1')
    expect(body).toContain('&lt;script&gt;')
    expect(body).not.toContain('<script')
  })

  test('is for those alone who may ask who looked', async () => {
    await fresh('guarded')
    const developer = await world.hub.makeStaff('dev', ['developer'], 'police')
    const stranger = await world.hub.makeStaff('far', ['share-office-head'], 'housing')
    const own = await world.hub.makeStaff('near', ['share-office-head'], 'police')
    for (const token of [developer, stranger, world.desk]) {
      expect((await report('guarded', 'p1', {}, token)).json().code).toBe('role-missing')
    }
    expect((await report('guarded', 'p1', {}, own)).statusCode).toBe(200)
  })
})
