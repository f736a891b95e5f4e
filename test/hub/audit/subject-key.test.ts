import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { subjectKey } from '../../../src/hub/audit/subject-key.ts'
import { buildWorld, freshResource, person, type World } from '../sharing/support.ts'

let world: World
let auditor: string
beforeAll(async () => {
  world = await buildWorld()
  auditor = await world.hub.makeStaff('auditor-1', ['auditor'])
})
afterAll(() => world.hub.close())

const told = async (resource: string, key: string): Promise<string[]> => {
  const body = { resource, key, limit: 1000 }
  const answer = await world.call(auditor, 'POST', '/audit/subjects', body)
  if (answer.statusCode !== 200) throw new Error(answer.body)
  const items: { operation: string; outcome: string }[] = answer.json().items
  return items.map(({ operation, outcome }) => `${operation} ${outcome}`).toSorted()
}

const wide = (text: string): string =>
  text.replace(/[!-~]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0))

/** An invented citizen's number as people type it, and as it is stored. */
const stored = '43018219900101001X'
const typed = [
  stored,
  stored.toLowerCase(),
  wide(stored),
  wide(stored.toLowerCase()),
  `  ${stored}\t`,
  `\u3000${wide(stored)}\u3000`,
  `number: ${wide(stored)} `,
  `number:${stored.toLowerCase()}`,
]

describe('a look in vain, however its number was typed', () => {
  test('is found by the number, where nobody has it', async () => {
    const { read, ask } = await freshResource(world)('vain')
    for (const key of typed) expect((await read(key)).statusCode).toBe(404)
    await ask('records/query', { keys: [wide(stored)] })
    await ask('verify', { key: wide(stored), claims: { bornOn: '1990-01-01' } })
    const looks = [
      'records.query absent',
      ...typed.map(() => 'records.read absent'),
      'records.verify absent',
    ]
    for (const key of typed) expect([key, await told('vain', key)]).toEqual([key, looks])
    expect(await told('vain', '430182199001010028')).toEqual([])
  })

  test('is found by the number, where the call was refused, and by the record that has it', async () => {
    const { ask } = await freshResource(world)('barred')
    await world.push('barred', [person('p3', { number: stored })])
    const refused = { 'x-purpose': 'item-9' }
    for (const key of typed) await ask('records/read', { key }, refused)
    await ask('records/query', { keys: typed }, refused)
    await ask('verify', { key: wide(stored), claims: { bornOn: '1990-01-01' } }, refused)
    const looks = [
      'records.query denied',
      ...typed.map(() => 'records.read denied'),
      'records.verify denied',
    ]
    for (const key of [...typed, 'p3', ' ｐ３']) {
      expect([key, await told('barred', key)]).toEqual([key, looks])
    }
  })

  test('is found by the record, where its value is stored full-width as its source has it', async () => {
    const certificate = '湘（2020）浏阳市不动产权第0001号'
    const { ask } = await freshResource(world)('certified')
    await world.push('certified', [person('p4', { number: certificate })])
    for (const key of [certificate, '湘(2020)浏阳市不动产权第0001号', ` number:${certificate}`]) {
      await ask('records/read', { key }, { 'x-purpose': 'item-9' })
    }
    for (const key of ['p4', certificate, '湘(2020)浏阳市不动产权第0001号']) {
      expect([key, (await told('certified', key)).length]).toEqual([key, 3])
    }
  })

  test('of a resource that never was is found all the same', async () => {
    await world.ask('POST', '/resources/nowhere/records/read', { key: wide(stored) })
    for (const key of [stored, wide(stored)]) {
      expect(await told('nowhere', key)).toEqual(['records.read absent'])
    }
  })
})

describe('the form in which a key is logged', () => {
  test.each([
    ['p1', 'p1'],
    [' p 1 ', 'p 1'],
    ['：430', ':430'],
    ['ｎｕｍｂｅｒ： 430', 'number:430'],
    ['a:b: c ', 'a:b: c'],
    ['\u3000', ''],
  ])('of %j is %j', (key, folded) => {
    expect(subjectKey(key)).toBe(folded)
  })

  test('is its own', () => {
    const signs = fc.constantFrom('x', 'Ｘ', '：', ':', ' ', '\u3000', '4', '４', '（', '张')
    const keys = fc.array(signs, { maxLength: 30 }).map((found) => found.join(''))
    fc.assert(
      fc.property(keys, (key) => {
        expect(subjectKey(subjectKey(key))).toBe(subjectKey(key))
      }),
    )
  })
})
