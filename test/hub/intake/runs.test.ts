import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { publishPlain } from '../../support/resources.ts'
import { type IntakeHub, manyThings, ndjson, openIntakeHub, thing } from './support.ts'

let hub: IntakeHub
let things: string
let made = 0

beforeAll(async () => {
  hub = await openIntakeHub()
})
beforeEach(async () => {
  made += 1
  things = await publishPlain(hub, { id: `things-${made}`, provider: 'provider' })
})
afterAll(() => hub.close())

const list = async (query: string, token = hub.machine) =>
  (await hub.call('GET', `/v1/runs?${query}`, { token })).json()
const idsOf = ({ items }: { items: { id: string }[] }): string[] => items.map(({ id }) => id)

test('runs are listed newest first, page by page', async () => {
  const made3 = []
  for (const name of ['a', 'b', 'c']) made3.push((await hub.pushed(things, [thing(name)])).runId)
  const first = await list(`resource=${things}&limit=2`)
  expect(idsOf(first)).toEqual([made3[2], made3[1]])
  const second = await list(`resource=${things}&limit=2&after=${first.next}`)
  expect(idsOf(second)).toEqual([made3[0]])
  expect(second.next).toBeNull()
})

test('runs are found by state, time and resource', async () => {
  const { runId: good } = await hub.pushed(things, [thing('a')])
  const { runId: bad } = await hub.pushed(things, [{}])
  expect(idsOf(await list(`resource=${things}&state=partial`))).toEqual([bad])
  expect(idsOf(await list(`resource=${things}&state=succeeded`))).toEqual([good])
  const { items } = await list(`resource=${things}`)
  expect(idsOf(await list(`resource=${things}&since=${items[0].createdAt}`))).toEqual([bad])
  expect(idsOf(await list(`resource=${things}&since=2999-01-01T00:00:00Z`))).toEqual([])
  expect(idsOf(await list('resource=nothing'))).toEqual([])
})

test('a push is a run of no sync, and so is never found under one', async () => {
  await hub.pushed(things, [thing('a')])
  expect(await list(`resource=${things}&sync=nightly`)).toEqual({ items: [], next: null })
  expect(await list('sync=Not A Slug')).toMatchObject({ code: 'request-invalid' })
  expect(await list('synch=nightly')).toMatchObject({ code: 'request-invalid' })
})

test('a cursor that is none is refused', async () => {
  for (const cursor of ['x', Buffer.from('["x"]').toString('base64url')]) {
    expect(await list(`after=${cursor}`)).toMatchObject({ code: 'request-invalid' })
  }
})

test('another department sees neither the run nor its place in the list', async () => {
  const { runId } = await hub.pushed(things, [thing('a')])
  expect(idsOf(await list(`resource=${things}`, hub.stranger))).toEqual([])
  expect(await hub.run(runId, hub.stranger)).toMatchObject({ code: 'not-found' })
  const operator = await hub.makeStaff(`theirs-${made}`, ['operator'], 'other')
  expect(idsOf(await list(`resource=${things}`, operator))).toEqual([])
  expect(await hub.run(runId, operator)).toMatchObject({ code: 'not-found' })
  for (const token of [hub.adminToken, hub.operator]) {
    expect(idsOf(await list(`resource=${things}`, token))).toEqual([runId])
  }
  expect(await hub.run('018f0000-0000-7000-8000-000000000000')).toMatchObject({ code: 'not-found' })
})

test('nothing lands behind a cancel, and what had landed stays', async () => {
  let goOn: () => void = () => undefined
  const cancelled = new Promise<void>((resolve) => (goOn = resolve))
  const bytes = (async function* () {
    yield Buffer.from(ndjson(manyThings(25_000)))
    await cancelled
    yield Buffer.from(ndjson(manyThings(4000, 25_000)))
  })()
  const answer = hub.push(things, Readable.from(bytes))
  const giveUpAt = Date.now() + 45_000
  while ((await hub.records(things, ['thing'])).length < 20_000 && Date.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const [runId = ''] = idsOf(await list(`resource=${things}`))
  const cancel = await hub.call('POST', `/v1/runs/${runId}/cancel`, { token: hub.operator })
  expect(cancel.json()).toMatchObject({ state: 'cancelled', counts: { read: 20_000 } })
  goOn()
  expect((await answer).json()).toMatchObject({ code: 'state-conflict' })
  expect(await hub.records(things, ['thing'])).toHaveLength(20_000)
  expect(await hub.run(runId)).toMatchObject({ state: 'cancelled', counts: { inserted: 20_000 } })
})

test('a run that has ended cannot be cancelled, and not everybody may cancel one', async () => {
  const { runId } = await hub.pushed(things, [thing('a')])
  const cancel = async (token: string) =>
    (await hub.call('POST', `/v1/runs/${runId}/cancel`, { token })).json().code
  expect(await cancel(hub.machine)).toBe('state-conflict')
  expect(await cancel(hub.stranger)).toBe('not-found')
  expect(await cancel(hub.adminToken)).toBe('role-missing')
  const business = await hub.makeSystem(`business-${made}`, 'provider', 'business-system')
  expect(await cancel(business)).toBe('role-missing')
})
