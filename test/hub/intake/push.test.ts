import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { plainDraft, publishDraft, publishPlain } from '../../support/resources.ts'
import { type IntakeHub, ndjson, openIntakeHub, thing } from './support.ts'

let hub: IntakeHub
let things: string
let made = 0

beforeAll(async () => {
  hub = await openIntakeHub({ http: { intakeBytesMax: 100_000 } })
})
beforeEach(async () => {
  made += 1
  things = await publishPlain(hub, { id: `things-${made}`, provider: 'provider' })
})
afterAll(() => hub.close())

const counts = (some: Record<string, number>) => ({
  read: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  stale: 0,
  superseded: 0,
  deleted: 0,
  rejected: 0,
  flagged: 0,
  ...some,
})

test('an upsert says what became of every row, and the number of the last change', async () => {
  const first = await hub.pushed(things, [thing('a'), thing('b')])
  expect(first).toMatchObject({ state: 'succeeded', rejects: [], lastSeq: 2 })
  expect(first.counts).toEqual(counts({ read: 2, inserted: 2 }))
  const second = await hub.pushed(things, [
    thing('a'),
    thing('b', 2),
    thing('c'),
    thing('c', 3),
    {},
  ])
  expect(second.counts).toEqual(
    counts({ read: 5, inserted: 1, updated: 1, unchanged: 1, superseded: 1, rejected: 1 }),
  )
  expect(second.state).toBe('partial')
  expect(second.rejects[0]).toMatchObject({ line: 5, code: 'required', field: 'thing' })
  expect(second.rejects[0]?.reasons.length).toBeGreaterThan(0)
  expect(await hub.records(things)).toEqual([thing('a'), thing('b', '2'), thing('c', '3')])
})

test('a delete removes what it names and nothing else', async () => {
  await hub.pushed(things, [thing('a'), thing('b')])
  const { counts: told } = await hub.pushed(things, [{ thing: 'a' }, { thing: 'x' }], {
    query: '?mode=delete',
  })
  expect(told).toEqual(counts({ read: 2, deleted: 1, unchanged: 1 }))
  expect(await hub.records(things)).toEqual([thing('b')])
})

const mapping = {
  fields: {
    thing: { from: 'BH' },
    amount: { from: 'SL', steps: [{ code: { 一: '1', 二: '2' }, otherwise: 'reject' }] },
  },
  operation: { from: 'CZ', values: { I: 'upsert', D: 'delete' } },
}

test('changes take each row’s operation from the mapping', async () => {
  const id = await publishDraft(hub, plainDraft(`mapped-${made}`, 'provider'), { mapping })
  await hub.pushed(id, [{ BH: 'a', SL: '一', CZ: 'I' }], { query: '?mode=changes' })
  const { counts: told, rejects } = await hub.pushed(
    id,
    [
      { BH: 'b', SL: '二', CZ: 'I' },
      { BH: 'a', CZ: 'D' },
      { BH: 'c', SL: '一', CZ: '?' },
    ],
    { query: '?mode=changes' },
  )
  expect(told).toEqual(counts({ read: 3, inserted: 1, deleted: 1, rejected: 1 }))
  expect(rejects[0]).toMatchObject({ line: 3, code: 'operation-unknown' })
  expect(await hub.records(id)).toEqual([thing('b', '2')])
})

test('a run tells of columns that nothing uses and of values without a translation', async () => {
  const id = await publishDraft(hub, plainDraft(`mapped-${made}`, 'provider'), { mapping })
  const { runId } = await hub.pushed(id, 'BH,SL,CZ,备注\na,三,I,x\nb,三,I,x\nc,一,I,x\n', {
    type: 'text/csv',
  })
  const run = await hub.run(runId)
  expect(run).toMatchObject({
    columns: ['BH', 'SL', 'CZ', '备注'],
    drift: ['备注'],
    unmapped: [{ field: 'amount', value: '三', count: 2 }],
    rejectCodes: [{ code: 'code-unknown', count: 2 }],
  })
})

test('a CSV without a column that the mapping names fails at once, naming it', async () => {
  const id = await publishDraft(hub, plainDraft(`mapped-${made}`, 'provider'), { mapping })
  const answer = await hub.push(id, 'BH,CZ\na,I\n', { type: 'text/csv' })
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({
    code: 'request-invalid',
    errors: [{ pointer: '/SL', code: 'column-missing' }],
  })
  expect(await hub.records(id)).toEqual([])
  const { items } = (
    await hub.call('GET', `/v1/runs?resource=${id}`, { token: hub.machine })
  ).json()
  expect(items).toMatchObject([{ state: 'failed', error: { code: 'request-invalid' } }])
  expect(items[0].error.message).toContain('SL')
})

test('a dry run counts as the push would and writes no record, on any connection', async () => {
  await hub.pushed(things, [thing('a')])
  for (let time = 0; time < 3; time += 1) {
    const told = await hub.pushed(things, [thing('a', 5), thing('b'), {}], {
      query: '?dryRun=true',
    })
    expect(told.counts).toEqual(counts({ read: 3, updated: 1, inserted: 1, rejected: 1 }))
    expect(await hub.records(things)).toEqual([thing('a')])
  }
  const real = await hub.pushed(things, [thing('a', 5), thing('b')])
  expect(real.counts).toMatchObject({ updated: 1, inserted: 1 })
  expect(real.lastSeq).toBe(3)
})

const csv = 'thing,amount\n张三,1.5\n'
/** The same in GB18030: 张 is D5 C5, 三 is C8 FD. */
const gbCsv = Buffer.concat([
  Buffer.from('thing,amount\n'),
  Buffer.from([0xd5, 0xc5, 0xc8, 0xfd]),
  Buffer.from(',1.5\n'),
])

test.each([
  ['NDJSON', 'application/x-ndjson', ndjson([thing('张三', '1.5')]), undefined],
  ['a JSON array', 'application/json', JSON.stringify([thing('张三', '1.5')]), undefined],
  ['CSV', 'text/csv', csv, undefined],
  ['CSV in named UTF-8', 'Text/CSV; charset="UTF-8"', csv, undefined],
  ['CSV in GB18030 that says so', 'text/csv; charset=gb18030', gbCsv, undefined],
  ['CSV in GB18030 that does not', 'text/csv', gbCsv, undefined],
  ['gzip', 'text/csv', gzipSync(csv), 'gzip'],
  ['zstd', 'text/csv', zstdCompressSync(Buffer.from(csv)), 'zstd'],
])('%s is read', async (_name, type, body, encoding) => {
  const headers = encoding === undefined ? {} : { 'content-encoding': encoding }
  const { counts: told } = await hub.pushed(things, body, { type, headers })
  expect(told).toEqual(counts({ read: 1, inserted: 1 }))
  expect(await hub.records(things)).toEqual([thing('张三', '1.5')])
})

test.each([
  ['application/xml', undefined],
  ['text/plain', undefined],
  ['text/csv; charset=klingon', undefined],
  ['application/x-ndjson', 'br'],
])('%s compressed with %s is refused and opens no run', async (type, encoding) => {
  const headers = encoding === undefined ? {} : { 'content-encoding': encoding }
  const answer = await hub.push(things, 'x', { type, headers })
  expect(answer.statusCode).toBe(415)
  expect(answer.json()).toMatchObject({ code: 'media-type-unsupported' })
  expect(await hub.records(things)).toEqual([])
})

test('a call without any body is no push', async () => {
  const answer = await hub.call('POST', `/v1/resources/${things}/batches`, { token: hub.machine })
  expect(answer.statusCode).toBe(415)
})

test('an empty body is a push of no rows', async () => {
  expect(await hub.pushed(things, '')).toMatchObject({ state: 'succeeded', counts: counts({}) })
})

test('a body over the setting is refused, whether it is large as sent or when decompressed', async () => {
  const large = ndjson(Array.from({ length: 4000 }, (_, index) => thing(`row-${index}`)))
  expect(large.length).toBeGreaterThan(100_000)
  for (const [body, headers] of [
    [large, {}],
    [gzipSync(large), { 'content-encoding': 'gzip' }],
  ] as const) {
    const answer = await hub.push(things, body, { headers })
    expect(answer.statusCode).toBe(413)
    expect(answer.json()).toMatchObject({ code: 'payload-too-large' })
  }
})

test('a compressed body that is cut off lands nothing and says so', async () => {
  const whole = gzipSync(ndjson([thing('a'), thing('b')]))
  const headers = { 'content-encoding': 'gzip' }
  const answer = await hub.push(things, whole.subarray(0, 20), { headers })
  expect(answer.json()).toMatchObject({ code: 'request-invalid' })
  expect(await hub.records(things)).toEqual([])
})

test('CSV cells are read as the fields’ types, and an empty one is no value', async () => {
  await hub.pushed(things, 'thing,amount\n007,12345678901234567.123456\n8,\n', { type: 'text/csv' })
  expect(await hub.records(things)).toEqual([
    { thing: '007', amount: '12345678901234567.123456' },
    { thing: '8', amount: null },
  ])
})

test('a hundred rejects are listed, all of them are kept', async () => {
  const rows = Array.from({ length: 130 }, () => ({ amount: '1' }))
  const { runId, rejects, counts: told } = await hub.pushed(things, rows)
  expect(told.rejected).toBe(130)
  expect(rejects.map(({ line }) => line)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1))
  const kept = await hub.call('GET', `/v1/runs/${runId}/rejects?limit=1000`, { token: hub.machine })
  expect(kept.json().items).toHaveLength(130)
})

test('who may push: the provider’s own front-end machine and nobody else', async () => {
  const business = await hub.makeSystem(`business-${made}`, 'provider', 'business-system')
  for (const token of [hub.stranger, hub.operator, hub.adminToken, business]) {
    const answer = await hub.push(things, [thing('a')], { token })
    expect(answer.statusCode).toBe(403)
    expect(answer.json()).toMatchObject({ code: 'role-missing' })
  }
  expect(await hub.records(things)).toEqual([])
})

test('an unpublished resource is told to its own provider, and hidden from everybody else', async () => {
  const draft = plainDraft(`draft-${made}`, 'provider')
  await hub.call('POST', '/v1/resources', { token: hub.adminToken, body: draft })
  expect((await hub.push(draft.id, [thing('a')])).json()).toMatchObject({ code: 'state-conflict' })
  const strange = await hub.push(draft.id, [thing('a')], { token: hub.stranger })
  expect(strange.json()).toMatchObject({ code: 'not-found' })
  expect((await hub.push('nothing', [thing('a')])).json()).toMatchObject({ code: 'not-found' })
})

test('the document shows what a push may look like in each of its forms', async () => {
  const { paths } = (await hub.call('GET', '/openapi.json')).json()
  for (const operation of [
    paths['/v1/resources/{id}/batches'].post,
    paths['/v1/runs/{id}/batches/{n}'].put,
  ]) {
    const { content } = operation.requestBody
    expect(Object.keys(content)).toEqual(['application/x-ndjson', 'text/csv', 'application/json'])
    for (const media of Object.values(content))
      expect(JSON.stringify(media)).toContain('430182-0001')
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['409', '413', '415']))
  }
})

test('a push is an audited call, with the number of its rows', async () => {
  const answer = await hub.push(things, [thing('a')])
  expect(answer.headers['x-audit-id']).toBeTruthy()
  expect(hub.entries.at(-1)).toMatchObject({
    operation: 'batches.push',
    resource: things,
    system: 'front',
    outcome: 'allowed',
    rowCount: 1,
  })
})
