import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { purgeRejects } from '../../../src/hub/intake/reject-store.ts'
import { plainDraft, publishDraft, publishPlain } from '../../support/resources.ts'
import { type IntakeHub, openIntakeHub, thing } from './support.ts'

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

const read = (runId: string, token = hub.machine, accept = 'application/json', query = '') =>
  hub.call('GET', `/v1/runs/${runId}/rejects${query}`, { token, headers: { accept } })
const replay = (runId: string, body: object = {}, token = hub.operator) =>
  hub.call('POST', `/v1/runs/${runId}/replay`, { token, body })
const pool = () => hub.testDatabase.database.pool

test('rejects are the rows as they came, with every reason, page by page', async () => {
  const bad = [{ thing: 'a', amount: 'many', extra: 1 }, 'no json', { amount: '2' }]
  const { runId } = await hub.pushed(
    things,
    bad.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'),
  )
  const first = (await read(runId, hub.operator, 'application/json', '?limit=2')).json()
  expect(first.items).toMatchObject([
    { line: 1, source: bad[0], state: 'open' },
    { line: 2, source: 'no json', code: 'not-json', field: null },
  ])
  expect(first.items[0].reasons.map(({ code }: { code: string }) => code).toSorted()).toEqual([
    'field-unknown',
    'type',
  ])
  const second = (
    await read(runId, hub.operator, 'application/json', `?limit=2&after=${first.next}`)
  ).json()
  expect(second.items).toMatchObject([{ line: 3, source: bad[2], code: 'required' }])
  expect(second.next).toBeNull()
  const wrong = Buffer.from('["x"]').toString('base64url')
  expect(
    (await read(runId, hub.operator, 'application/json', `?after=${wrong}`)).json(),
  ).toMatchObject({ code: 'request-invalid' })
})

test('as CSV they come in the source’s own columns, and no cell is a formula', async () => {
  const { runId } = await hub.pushed(things, 'amount,thing\nmany,=cmd()\n-5,\n', {
    type: 'text/csv',
  })
  const answer = await read(runId, hub.machine, 'text/csv')
  expect(answer.headers['content-type']).toContain('text/csv')
  expect(answer.headers['content-disposition']).toContain(runId)
  const [header, first, second] = answer.body.split('\r\n')
  expect(header).toBe('\uFEFFamount,thing,line,error')
  expect(first).toMatch(/^many,'=cmd\(\),.*amount/)
  expect(second).toMatch(/^-5,,/)
})

test('JSON rows with columns of their own lose none in the CSV', async () => {
  const { runId } = await hub.pushed(things, [
    thing('a'),
    { thing: 'b', x: 1 },
    { thing: 'c', y: 2 },
  ])
  const answer = await read(runId, hub.machine, 'text/csv')
  expect(answer.body.split('\r\n')[0]).toBe('\uFEFFthing,amount,x,y,line,error')
})

test('a source’s own column “error” is kept beside the reasons', async () => {
  const { runId } = await hub.pushed(things, 'thing,error\na,theirs\n', { type: 'text/csv' })
  const [header, row] = (await read(runId, hub.machine, 'text/csv')).body.split('\r\n')
  expect(header).toBe('\uFEFFthing,error,line,错误原因')
  expect(row).toMatch(/^a,theirs,/)
})

test('nothing of a rejected row lies readable in the database', async () => {
  const secret = 'geheim-330203-tag'
  const headers = { 'idempotency-key': `k-${made}` }
  await hub.pushed(things, [{ thing: secret, amount: secret }], { headers })
  const load = await hub.call('POST', `/v1/resources/${things}/runs`, {
    token: hub.machine,
    body: {},
  })
  await hub.call('PUT', `/v1/runs/${load.json().runId}/batches/1`, {
    token: hub.machine,
    headers: { 'content-type': 'application/x-ndjson' },
    body: JSON.stringify({ thing: secret, amount: secret }),
  })
  const { rows: tables } = await pool().query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('hub', 'records')`,
  )
  expect(tables.length).toBeGreaterThan(10)
  for (const { name } of tables) {
    const { rows } = await pool().query(
      `select 1 from ${name} t where t::text like '%' || $1::text || '%' or t::text like '%' || encode($1::text::bytea, 'hex') || '%'`,
      [secret],
    )
    expect([name, rows.length]).toEqual([name, 0])
  }
})

test('rows are shown to the provider’s operators and front-end machines only', async () => {
  const { runId } = await hub.pushed(things, [{}])
  const business = await hub.makeSystem(`business-${made}`, 'provider', 'business-system')
  const cataloguer = await hub.makeStaff(`cataloguer-${made}`, ['cataloguer'], 'provider')
  const foreign = await hub.makeStaff(`foreign-${made}`, ['operator'], 'other')
  const codes = []
  for (const token of [hub.adminToken, business, cataloguer, hub.stranger, foreign]) {
    codes.push((await read(runId, token)).json().code)
  }
  expect(codes).toEqual(['role-missing', 'role-missing', 'role-missing', 'not-found', 'not-found'])
  for (const token of [hub.operator, hub.machine]) {
    expect((await read(runId, token)).statusCode).toBe(200)
  }
  expect((await replay(runId, {}, hub.adminToken)).json()).toMatchObject({ code: 'role-missing' })
})

test('the bureau sees counts by code', async () => {
  const { runId } = await hub.pushed(things, [{}, {}, { thing: 'a', amount: 'many' }])
  expect((await hub.run(runId, hub.adminToken)).rejectCodes).toEqual([
    { code: 'required', count: 2 },
    { code: 'type', count: 1 },
  ])
})

test('reading rejects is an audited call', async () => {
  const { runId } = await hub.pushed(things, [{}, {}])
  for (const [accept, operation] of [
    ['application/json', 'rejects.read'],
    ['text/csv', 'rejects.download'],
  ] as const) {
    const answer = await read(runId, hub.operator, accept)
    expect(answer.headers['x-audit-id']).toBeTruthy()
    expect(hub.entries.at(-1)).toMatchObject({ operation, runId, staff: 'operator', rowCount: 2 })
  }
})

test('corrected rows land and are marked repaired, those still bad stay open with what they are now', async () => {
  const { runId } = await hub.pushed(things, [{}, thing('a'), {}, {}])
  const rows = [
    { line: 1, source: thing('b') },
    { line: 3, source: { thing: 'c', amount: 'many' } },
  ]
  const answer = await replay(runId, { rows })
  expect(answer.json()).toMatchObject({
    state: 'partial',
    counts: { read: 2, inserted: 1, rejected: 1 },
    rejects: [{ line: 3, code: 'type' }],
  })
  expect((await read(runId)).json().items).toMatchObject([
    { line: 1, state: 'repaired' },
    { line: 3, state: 'open', code: 'type', source: rows[1]?.source },
    { line: 4, state: 'open' },
  ])
  expect(await hub.records(things)).toEqual([thing('a'), thing('b')])
  expect(await hub.run(answer.json().runId)).toMatchObject({ replayOf: runId })
  const again = await replay(runId, { rows: [{ line: 1, source: thing('x') }] })
  expect(again.json()).toMatchObject({
    code: 'request-invalid',
    errors: [{ pointer: '/rows/0/line', code: 'unknown-reject' }],
  })
})

test('without rows all that is open goes through again: a new mapping or code lets it land', async () => {
  const translated = (codes: object) => ({
    mapping: {
      fields: {
        thing: { from: 'BH' },
        amount: { from: 'SL', steps: [{ code: codes, otherwise: 'reject' }] },
      },
    },
  })
  const id = await publishDraft(
    hub,
    plainDraft(`mapped-${made}`, 'provider'),
    translated({ 一: '1' }),
  )
  const { runId } = await hub.pushed(id, 'BH,SL\na,二\nb,三\n', { type: 'text/csv' })
  const mounted = await hub.call('PUT', `/v1/resources/${id}/mount`, {
    token: hub.adminToken,
    body: translated({ 一: '1', 二: '2' }),
  })
  expect(mounted.statusCode).toBe(200)
  const { counts } = (await replay(runId)).json()
  expect(counts).toMatchObject({ read: 2, inserted: 1, rejected: 1 })
  expect(await hub.records(id)).toEqual([thing('a', 2)])
})

test('cells of a CSV are read as text again when they are replayed', async () => {
  const id = await publishDraft(hub, {
    ...plainDraft(`typed-${made}`, 'provider'),
    fields: [
      {
        name: 'thing',
        title: '编号',
        type: 'text',
        length: 5,
        required: true,
        sensitivity: 'public',
      },
      { name: 'many', title: '多', type: 'integer', sensitivity: 'public' },
      { name: 'ok', title: '是否', type: 'boolean', sensitivity: 'public' },
    ],
  })
  const { runId } = await hub.pushed(id, 'thing,many,ok\ntoo-long,5,1\n', {
    type: 'text/csv; charset=utf-8',
  })
  const answer = await replay(runId, {
    rows: [{ line: 2, source: { thing: 'a', many: '5', ok: '1' } }],
  })
  expect(answer.json()).toMatchObject({ counts: { inserted: 1, rejected: 0 } })
  expect(await hub.records(id, ['many', 'ok'])).toEqual([{ many: 5, ok: true }])
})

test('a replayed row without a source time never overwrites a record that changed since', async () => {
  await hub.pushed(things, [thing('a', 1), thing('b', 1)])
  const { runId } = await hub.pushed(things, [
    { thing: 'a', amount: 'bad' },
    { thing: 'b', amount: 'bad' },
  ])
  await hub.pushed(things, [thing('a', 3)])
  const rows = [
    { line: 1, source: thing('a', 2) },
    { line: 2, source: thing('b', 2) },
  ]
  const { counts } = (await replay(runId, { rows })).json()
  expect(counts).toMatchObject({ read: 2, stale: 1, updated: 1 })
  expect(await hub.records(things)).toEqual([thing('a', 3), thing('b', 2)])
})

test('the rejects of a replay are those of its run, and only that run can be replayed', async () => {
  const { runId } = await hub.pushed(things, [{}])
  const replayed = (await replay(runId)).json()
  expect(replayed.counts).toMatchObject({ read: 1, rejected: 1 })
  expect((await read(replayed.runId)).json().items).toMatchObject([{ line: 1, state: 'open' }])
  const answer = await replay(replayed.runId)
  expect(answer.json()).toMatchObject({ code: 'state-conflict' })
  expect(answer.json().detail).toContain(runId)
})

test('more rejects than can be replayed at once are refused', async () => {
  const { runId, counts } = await hub.pushed(things, '{}\n'.repeat(100_001))
  expect(counts.rejected).toBe(100_001)
  const answer = await replay(runId)
  expect(answer.statusCode).toBe(413)
  expect(answer.json()).toMatchObject({ code: 'payload-too-large' })
})

test('rejects of a dry run are not replayed', async () => {
  const { runId } = await hub.pushed(things, [{}], { query: '?dryRun=true' })
  const answer = await replay(runId, { rows: [{ line: 1, source: thing('a') }] })
  expect(answer.json()).toMatchObject({ code: 'state-conflict' })
  expect(await hub.records(things)).toEqual([])
})

test('a live record tells that a newer version was refused, until it is repaired', async () => {
  await hub.pushed(things, [thing('a')])
  const { runId } = await hub.pushed(things, [{ thing: 'a', amount: 'bad' }])
  expect(await hub.records(things, ['_flags'])).toEqual([{ _flags: ['newer-version-refused'] }])
  await replay(runId, { rows: [{ line: 1, source: thing('a') }] })
  expect(await hub.records(things, ['_flags'])).toEqual([{ _flags: null }])
})

test('rejects of a dry run, which nobody repairs, go after as many days', async () => {
  const { runId } = await hub.pushed(things, [{}], { query: '?dryRun=true' })
  await purgeRejects(pool(), 30)
  expect((await read(runId)).json().items).toHaveLength(1)
  await pool().query(`update hub.runs set created_at = now() - interval '31 days' where id = $1`, [
    runId,
  ])
  await purgeRejects(pool(), 30)
  expect((await read(runId)).json().items).toEqual([])
})

test('repaired rejects are purged after the days of the setting, open ones never', async () => {
  const { runId } = await hub.pushed(things, [{}, {}, {}])
  await replay(runId, {
    rows: [
      { line: 1, source: thing('a') },
      { line: 2, source: thing('b') },
    ],
  })
  await pool().query(
    `update hub.rejects set repaired_at = now() - interval '31 days', created_at = now() - interval '90 days'
     where run_id = $1 and line in (1, 3)`,
    [runId],
  )
  await purgeRejects(pool(), 30)
  const left = (await read(runId)).json().items
  expect(left.map(({ line }: { line: number }) => line)).toEqual([2, 3])
})
