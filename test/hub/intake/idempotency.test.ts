import type { AddressInfo } from 'node:net'
import { request as openRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { publishPlain } from '../../support/resources.ts'
import {
  abandon,
  failOn,
  type IntakeHub,
  manyThings,
  ndjson,
  openIntakeHub,
  thing,
} from './support.ts'

let hub: IntakeHub
let things: string
let made = 0
let port: number

beforeAll(async () => {
  hub = await openIntakeHub()
  await hub.app.listen({ host: '127.0.0.1', port: 0 })
  port = (hub.app.server.address() as AddressInfo).port
})
beforeEach(async () => {
  made += 1
  things = await publishPlain(hub, { id: `things-${made}`, provider: 'provider' })
})
afterAll(() => hub.close())

const keyed = (key: string, more: Record<string, string> = {}) => ({
  headers: { 'idempotency-key': `${key}-${made}`, ...more },
})

const runOf = async (): Promise<string> =>
  (await hub.call('GET', `/v1/runs?resource=${things}`, { token: hub.machine })).json().items[0].id

test('the same key and body are answered the same, and nothing is written again', async () => {
  const rows = [thing('a'), {}, thing('b')]
  const first = await hub.push(things, rows, keyed('k'))
  await hub.pushed(things, [thing('a', 9)])
  const second = await hub.push(things, rows, keyed('k'))
  expect(first.headers['idempotency-replayed']).toBeUndefined()
  expect(second.headers['idempotency-replayed']).toBe('true')
  expect(second.json()).toEqual(first.json())
  expect(second.json().rejects).toHaveLength(1)
  expect(await hub.records(things)).toEqual([thing('a', 9), thing('b')])
})

test('another body under the key is a conflict and is not written', async () => {
  await hub.push(things, [thing('a')], keyed('k'))
  const answer = await hub.push(things, [thing('b')], keyed('k'))
  expect(answer.statusCode).toBe(422)
  expect(answer.json()).toMatchObject({ code: 'idempotency-conflict' })
  expect(await hub.records(things)).toEqual([thing('a')])
})

test('the key covers path, query, media type and compression', async () => {
  const body = ndjson([thing('a')])
  await hub.push(things, body, keyed('k'))
  const elsewhere = await publishPlain(hub, { id: `elsewhere-${made}`, provider: 'provider' })
  const others = [
    await hub.push(elsewhere, body, keyed('k')),
    await hub.push(things, body, { ...keyed('k'), query: '?mode=delete' }),
    await hub.push(things, 'thing,amount\na,1\n', { ...keyed('k'), type: 'text/csv' }),
    await hub.push(things, gzipSync(body), keyed('k', { 'content-encoding': 'gzip' })),
  ]
  expect(others.map((answer) => answer.json().code)).toEqual(Array(4).fill('idempotency-conflict'))
  expect(await hub.records(elsewhere)).toEqual([])
})

test('another machine’s key of the same name is another key', async () => {
  const second = await hub.makeSystem(`front-${made}`, 'provider')
  await hub.push(things, [thing('a')], keyed('k'))
  const { statusCode } = await hub.push(things, [thing('b')], { ...keyed('k'), token: second })
  expect(statusCode).toBe(200)
})

test.each(['', 'x'.repeat(201)])('a key of improper length is refused', async (key) => {
  const answer = await hub.push(things, [thing('a')], { headers: { 'idempotency-key': key } })
  expect(answer.json()).toMatchObject({ code: 'request-invalid' })
})

test('a key of the longest length is taken', async () => {
  const headers = { 'idempotency-key': 'x'.repeat(200) }
  expect((await hub.push(things, [thing('a')], { headers })).statusCode).toBe(200)
})

/** Begins a push over a real connection; the caller sends more, ends it, or cuts the line. */
function beginPush(key: string) {
  const sent = openRequest({
    port,
    method: 'POST',
    path: `/v1/resources/${things}/batches`,
    headers: {
      authorization: `Bearer ${hub.machine}`,
      'content-type': 'application/x-ndjson',
      'idempotency-key': `${key}-${made}`,
    },
  })
  const ended = new Promise<number>((resolve) => {
    sent.on('response', (response) => resolve(response.statusCode ?? 0))
    sent.on('error', () => resolve(0))
  })
  return { sent, ended }
}

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  const giveUpAt = Date.now() + 45_000
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error('It did not come to pass')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a second call while the first is still sending is told to come back', async () => {
  const { sent, ended } = beginPush('k')
  sent.write(ndjson([thing('a')]))
  await until(
    async () =>
      (await hub.call('GET', `/v1/runs?resource=${things}`, { token: hub.machine })).json().items
        .length === 1,
  )
  const second = await hub.push(things, [thing('a')], keyed('k'))
  expect(second.statusCode).toBe(409)
  expect(second.json()).toMatchObject({ code: 'state-conflict' })
  expect(second.headers['retry-after']).toBeTruthy()
  sent.end(ndjson([thing('b')]))
  expect(await ended).toBe(200)
  expect(await hub.records(things)).toHaveLength(2)
})

test('a push whose line broke goes on at once under the same run, without repeating what was committed', async () => {
  const rows = manyThings(50_000)
  const { sent } = beginPush('k')
  sent.write(ndjson(rows.slice(0, 45_000)))
  await until(async () => (await hub.records(things, ['thing'])).length >= 40_000)
  const runId = await runOf()
  sent.destroy()
  await until(async () => (await hub.run(runId)).state === 'failed')
  expect((await hub.run(runId)).error).toMatchObject({ code: 'request-invalid' })
  const answer = await hub.push(things, rows, keyed('k'))
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject({
    runId,
    state: 'succeeded',
    counts: { read: 50_000, inserted: 50_000, unchanged: 0 },
  })
})

test('a resumed body that differs in what was committed writes nothing new', async () => {
  const rows = manyThings(30_000)
  const undo = await failOn(hub, 'hub.batches', 'new.number = 2')
  const first = await hub.push(things, rows, keyed('k'))
  await undo()
  expect(first.statusCode).toBe(500)
  expect(await hub.records(things, ['thing'])).toHaveLength(10_000)
  const runId = await runOf()
  expect(await hub.run(runId)).toMatchObject({ state: 'failed', error: { code: 'internal' } })
  const other = rows.with(7, thing('t-other'))
  expect((await hub.push(things, other, keyed('k'))).json()).toMatchObject({
    code: 'idempotency-conflict',
  })
  const shorter = await hub.push(things, rows.slice(0, 10), keyed('k'))
  expect(shorter.json()).toMatchObject({ code: 'idempotency-conflict' })
  expect(await hub.records(things, ['thing'])).toHaveLength(10_000)
  const again = await hub.push(things, rows, keyed('k'))
  expect(again.json()).toMatchObject({ runId, counts: { read: 30_000, inserted: 30_000 } })
})

test.each([
  ['a JSON array', 'application/json', JSON.stringify([thing('a'), thing('b')], null, 1)],
  [
    'NDJSON with blank lines behind',
    'application/x-ndjson',
    `${ndjson([thing('a'), thing('b')])}\n\n`,
  ],
  ['CSV with blank lines behind', 'text/csv', 'thing,amount\na,1\nb,1\n\n\n'],
])(
  'a run that died after its last batch ends well when %s is sent again',
  async (_name, type, body) => {
    const first = await hub.push(things, body, { ...keyed('k'), type })
    const { runId } = first.json()
    const { pool } = hub.testDatabase.database
    await pool.query('update hub.idempotency_keys set body_digest = null where run_id = $1', [
      runId,
    ])
    await abandon(hub, runId)
    const second = await hub.push(things, body, { ...keyed('k'), type })
    expect(second.json()).toEqual(first.json())
  },
)

test('the key of a cancelled run is spent', async () => {
  const { sent, ended } = beginPush('k')
  sent.write(ndjson(manyThings(100)))
  await until(
    async () =>
      (await hub.call('GET', `/v1/runs?resource=${things}`, { token: hub.machine })).json().items
        .length === 1,
  )
  const runId = await runOf()
  await hub.call('POST', `/v1/runs/${runId}/cancel`, { token: hub.machine })
  sent.end(ndjson(manyThings(100, 100)))
  expect(await ended).toBe(409)
  const again = await hub.push(things, [thing('a')], keyed('k'))
  expect(again.json()).toMatchObject({ code: 'state-conflict' })
  expect(await hub.records(things)).toEqual([])
})
