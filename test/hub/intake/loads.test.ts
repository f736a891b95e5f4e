import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { publishDraft, plainDraft, publishPlain } from '../../support/resources.ts'
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

const open = async (mode = 'upsert', resource = things): Promise<string> => {
  const answer = await hub.call('POST', `/v1/resources/${resource}/runs`, {
    token: hub.machine,
    body: { mode },
  })
  expect(answer.statusCode).toBe(201)
  expect(answer.json()).toEqual({ runId: expect.any(String), nextBatch: 1 })
  return answer.json().runId
}

const put = (runId: string, number: number, rows: unknown, type = 'application/x-ndjson') =>
  hub.call('PUT', `/v1/runs/${runId}/batches/${number}`, {
    token: hub.machine,
    headers: { 'content-type': type },
    body: Array.isArray(rows) ? ndjson(rows) : rows,
  })

const commit = (runId: string, query = '') =>
  hub.call('POST', `/v1/runs/${runId}/commit${query}`, { token: hub.machine })

test('a load lands batch by batch, says where to go on, and ends once', async () => {
  const runId = await open()
  const first = await put(runId, 1, [thing('a'), {}])
  expect(first.json()).toMatchObject({
    runId,
    batch: 1,
    nextBatch: 2,
    counts: { read: 2, inserted: 1, rejected: 1 },
    rejects: [{ line: 2, code: 'required' }],
  })
  expect(await hub.run(runId)).toMatchObject({ state: 'running', nextBatch: 2 })
  expect((await hub.run(runId)).checkpoint).toContain('2')
  expect((await put(runId, 2, [thing('a'), thing('b')])).statusCode).toBe(200)
  const ended = await commit(runId)
  expect(ended.json()).toMatchObject({
    runId,
    state: 'partial',
    counts: { read: 4, inserted: 2, unchanged: 1, rejected: 1 },
  })
  expect((await commit(runId)).json()).toEqual(ended.json())
  expect((await put(runId, 3, [thing('c')])).json()).toMatchObject({ code: 'state-conflict' })
  expect(await hub.records(things)).toEqual([thing('a'), thing('b')])
})

test('repeating a batch answers like the first time, also when rejects were in it and after the end', async () => {
  const runId = await open()
  const first = await put(runId, 1, [thing('a'), {}])
  const second = await put(runId, 2, [{}, thing('b')])
  expect((await put(runId, 1, [thing('a'), {}])).json()).toEqual(first.json())
  expect((await put(runId, 2, [{}, thing('b')])).json()).toEqual(second.json())
  expect(second.json().rejects).toMatchObject([{ line: 1 }])
  await commit(runId)
  expect((await put(runId, 2, [{}, thing('b')])).json()).toEqual(second.json())
})

test('a number with another body is a conflict, and writes nothing', async () => {
  const runId = await open()
  await put(runId, 1, [thing('a')])
  const other = await put(runId, 1, [thing('b')])
  expect(other.statusCode).toBe(422)
  expect(other.json()).toMatchObject({ code: 'idempotency-conflict' })
  expect(await hub.records(things)).toEqual([thing('a')])
})

test('the same batch sent twice at once lands once', async () => {
  const runId = await open()
  const rows = manyThings(3000)
  const answers = await Promise.all([put(runId, 1, rows), put(runId, 1, rows)])
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200])
  expect(answers[0]?.json()).toEqual(answers[1]?.json())
  expect((await commit(runId)).json().counts).toMatchObject({ read: 3000, inserted: 3000 })
})

test('a gap is refused', async () => {
  const runId = await open()
  expect((await put(runId, 2, [thing('a')])).json()).toMatchObject({ code: 'state-conflict' })
  expect((await put(runId, 0, [thing('a')])).json()).toMatchObject({ code: 'request-invalid' })
})

test('a batch over the rows or the bytes of one transaction is refused, and a smaller one may follow', async () => {
  const runId = await open()
  const tooMany = await put(runId, 1, manyThings(50_001))
  expect(tooMany.statusCode).toBe(413)
  expect(tooMany.json()).toMatchObject({ code: 'payload-too-large' })
  const wide = ndjson([{ thing: 'a', amount: 'x'.repeat(1_000_000) }])
  const tooLong = await put(runId, 1, Buffer.from(wide.repeat(68)))
  expect(tooLong.json()).toMatchObject({ code: 'payload-too-large' })
  expect(await hub.records(things)).toEqual([])
  expect((await put(runId, 1, manyThings(50_000))).statusCode).toBe(200)
})

test('only a failed load can be retried, and it goes on where it stopped', async () => {
  const runId = await open()
  await put(runId, 1, [thing('a')])
  const retry = () => hub.call('POST', `/v1/runs/${runId}/retry`, { token: hub.operator })
  expect((await retry()).json()).toMatchObject({ code: 'state-conflict' })
  const { pool } = hub.testDatabase.database
  await pool.query(
    `update hub.runs set state = 'failed', ended_at = now(), error = '{"code":"unavailable","message":"x"}' where id = $1`,
    [runId],
  )
  expect((await put(runId, 2, [thing('b')])).json()).toMatchObject({ code: 'state-conflict' })
  expect((await retry()).json()).toMatchObject({ state: 'running', nextBatch: 2, error: null })
  await put(runId, 2, [thing('b')])
  expect((await commit(runId)).json()).toMatchObject({ state: 'succeeded', counts: { read: 2 } })
  const { runId: push } = await hub.pushed(things, [thing('c')])
  const pushed = await hub.call('POST', `/v1/runs/${push}/retry`, { token: hub.machine })
  expect(pushed.json()).toMatchObject({ code: 'state-conflict' })
})

test('another department’s machine neither sees the load nor puts into it', async () => {
  const runId = await open()
  const answer = await hub.call('PUT', `/v1/runs/${runId}/batches/1`, {
    token: hub.stranger,
    headers: { 'content-type': 'application/x-ndjson' },
    body: ndjson([thing('a')]),
  })
  expect(answer.json()).toMatchObject({ code: 'not-found' })
  const opened = await hub.call('POST', `/v1/resources/${things}/runs`, {
    token: hub.stranger,
    body: {},
  })
  expect(opened.json()).toMatchObject({ code: 'role-missing' })
})

test('a push is no load: its run takes no numbered batches', async () => {
  const { runId } = await hub.pushed(things, [thing('a')])
  expect((await put(runId, 1, [thing('b')])).json()).toMatchObject({ code: 'state-conflict' })
})

test('a snapshot in pieces replaces the whole at its commit and not before', async () => {
  await hub.pushed(things, manyThings(10))
  const runId = await open('snapshot')
  await put(runId, 1, manyThings(5))
  await put(runId, 2, [...manyThings(4, 5), thing('new')])
  expect(await hub.records(things)).toEqual(manyThings(10))
  expect((await commit(runId)).json().counts).toMatchObject({
    read: 10,
    unchanged: 9,
    inserted: 1,
    deleted: 1,
  })
  expect((await hub.records(things)).map(({ thing: name }) => name)).toContain('new')
  expect(await hub.records(things)).toHaveLength(10)
})

test('a commit that is refused leaves the load open: force may follow', async () => {
  await hub.pushed(things, manyThings(10))
  const runId = await open('snapshot')
  await put(runId, 1, manyThings(2))
  expect((await commit(runId)).json()).toMatchObject({ code: 'state-conflict' })
  expect(await hub.records(things)).toHaveLength(10)
  expect((await commit(runId, '?force=true')).json().counts).toMatchObject({ deleted: 8 })
  expect(await hub.records(things)).toEqual(manyThings(2))
})

test('two commits at once do the work once', async () => {
  await hub.pushed(things, manyThings(10))
  const runId = await open('snapshot')
  await put(runId, 1, manyThings(9))
  const answers = await Promise.all([commit(runId), commit(runId)])
  const codes = answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)
  expect([
    [200, 200],
    [200, 409],
  ]).toContainEqual(codes)
  expect((await commit(runId)).json().counts).toMatchObject({ read: 9, unchanged: 9, deleted: 1 })
})

test('a load tells what it saw of its source, and its rejects come back in the source’s columns', async () => {
  const mapping = { fields: { thing: { from: 'BH' }, amount: { from: 'SL' } } }
  const id = await publishDraft(hub, plainDraft(`mapped-${made}`, 'provider'), { mapping })
  const runId = await open('upsert', id)
  expect((await put(runId, 1, 'BH,XX\na,1\n', 'text/csv')).json()).toMatchObject({
    code: 'request-invalid',
    errors: [{ pointer: '/SL' }],
  })
  await put(runId, 1, 'BH,SL,备注\na,1,x\n', 'text/csv')
  await put(runId, 2, 'BH,SL,备注\n,2,y\n', 'text/csv')
  await commit(runId)
  expect(await hub.run(runId)).toMatchObject({ columns: ['BH', 'SL', '备注'], drift: ['备注'] })
  const csv = await hub.call('GET', `/v1/runs/${runId}/rejects`, {
    token: hub.machine,
    headers: { accept: 'text/csv' },
  })
  expect(csv.body.split('\r\n')[0]).toBe('\uFEFFBH,SL,备注,line,error')
  expect(csv.body.split('\r\n')[1]).toMatch(/^,2,y,/)
})
