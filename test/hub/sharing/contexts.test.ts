import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWorld, freshResource, type World } from './support.ts'

let world: World
let auditor: string
let ask: Awaited<ReturnType<ReturnType<typeof freshResource>>>['ask']
beforeAll(async () => {
  world = await buildWorld()
  auditor = await world.hub.makeStaff('auditor-1', ['auditor'])
  ask = (await freshResource(world)('told', {}, { caseNumberRequired: true })).ask
})
afterAll(() => world.hub.close())

const good = { 'x-purpose': 'item-1', 'x-operator': 'x', 'x-case-number': 'c-1' }
const read = (headers: Record<string, string>, context?: object) =>
  ask('records/read', { key: 'p1', ...(context && { context }) }, { ...good, ...headers })
const factsOf = async (answer: { headers: Record<string, unknown> }) => {
  const path = `/audit/entries/${String(answer.headers['x-audit-id'])}`
  return (await world.call(auditor, 'GET', path)).json().facts
}

describe('what a call says of itself in headers', () => {
  test('is percent-encoded UTF-8, and stands in the log as it was said', async () => {
    const operator = '欧阳·娜娜 𠮷'
    const caseNumber = '办件〔2026〕1号/%'
    const answer = await read({
      'x-operator': encodeURIComponent(operator),
      'x-case-number': encodeURIComponent(caseNumber),
    })
    expect(answer.statusCode).toBe(200)
    expect(await factsOf(answer)).toMatchObject({ operator, caseNumber, purpose: 'item-1' })
    const query = `/audit/entries?caseNumber=${encodeURIComponent(caseNumber)}`
    expect((await world.call(auditor, 'GET', query)).json().items).toHaveLength(1)
  })

  test.each([
    ['half of an encoded character', '%E6%9'],
    ['a lone surrogate', '%ED%A0%80'],
    ['bytes that are no UTF-8', '%FF%FE'],
    ['an unfinished escape', 'a%'],
    ['raw characters beyond ASCII', 'caf\u00e9'],
    ['a text that is too long', 'x'.repeat(101)],
    ['a text that is too long when decoded', encodeURIComponent('长'.repeat(101))],
  ])('%s is request-invalid, whichever header it stands in', async (_what, value) => {
    for (const name of ['x-purpose', 'x-operator', 'x-case-number']) {
      const answer = await read({ [name]: value })
      expect([name, answer.statusCode]).toEqual([name, 400])
      expect(answer.json()).toMatchObject({
        code: 'request-invalid',
        errors: [{ pointer: `/${name}`, code: 'encoding' }],
      })
    }
  })

  test('control characters are answered for, and written out in the log', async () => {
    for (const [encoded, written] of [
      ['a%00b', 'a\\u0000b'],
      ['a%07b', 'a\\u0007b'],
      ['%1B[2J', '\\u001b[2J'],
    ] as const) {
      const answer = await read({ 'x-operator': encoded, 'x-case-number': encoded })
      expect([encoded, answer.statusCode]).toEqual([encoded, 200])
      expect(await factsOf(answer)).toMatchObject({ operator: written, caseNumber: written })
      const refused = await read({ 'x-purpose': encoded })
      expect(refused.json().code).toBe('purpose-not-granted')
      expect(await factsOf(refused)).toMatchObject({ purpose: written })
    }
  })

  test('a blank says nothing, in a header as in the body', async () => {
    for (const blank of [' ', '%20', '%E3%80%80', '%09']) {
      const codes = []
      for (const name of ['x-purpose', 'x-operator', 'x-case-number']) {
        codes.push((await read({ [name]: blank })).json().code)
      }
      expect([blank, ...codes]).toEqual([
        blank,
        'purpose-required',
        'operator-required',
        'case-number-required',
      ])
    }
    const blank = { purpose: ' ', operator: '\u3000', caseNumber: '\t' }
    expect((await read({}, blank)).json().code).toBe('purpose-required')
    expect((await read({}, { operator: '\u3000' })).json().code).toBe('operator-required')
  })
})

test('what the body says goes before the headers, part by part', async () => {
  const answer = await read({ 'x-purpose': 'item-9' }, { purpose: 'item-1', operator: '王五' })
  expect(await factsOf(answer)).toMatchObject({
    purpose: 'item-1',
    operator: '王五',
    caseNumber: 'c-1',
  })
})

test.each(['\u0000', '\ud800', 'a\udc00b'])(
  'a body whose context holds %j is refused, for no log could keep it as it was',
  async (operator) => {
    const answer = await world.hub.call('POST', '/v1/resources/told/records/read', {
      token: world.desk,
      headers: { 'content-type': 'application/json', ...good },
      body: Buffer.from(JSON.stringify({ key: 'p1', context: { operator } })),
    })
    expect(answer.json().code).toBe('request-invalid')
    expect(answer.json().errors[0].pointer).toBe('/context/operator')
  },
)
