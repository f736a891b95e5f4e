import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { commitSnapshot } from '../../../src/hub/intake/commit-snapshot.ts'
import { runStore } from '../../../src/hub/intake/runs.ts'
import { publishDraft, publishPlain, standardDraft } from '../../support/resources.ts'
import { failOn, type IntakeHub, manyThings, ndjson, openIntakeHub, thing } from './support.ts'

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

const snapshot = { query: '?mode=snapshot' }
const forced = { query: '?mode=snapshot&force=true' }
const keptRows = async (): Promise<number> => {
  const { pool } = hub.testDatabase.database
  const { rows } = await pool.query(
    `select 1 from hub.snapshot_rows k join hub.runs r on r.id = k.run_id where r.resource = $1`,
    [things],
  )
  return rows.length
}

test('a snapshot is the whole: what it does not name is deleted, its own rows merge', async () => {
  await hub.pushed(things, manyThings(10))
  const rows = [...manyThings(8), thing('t-0000008', 7), thing('new')]
  const { counts, state } = await hub.pushed(things, rows, snapshot)
  expect(state).toBe('succeeded')
  expect(counts).toMatchObject({ read: 10, unchanged: 8, updated: 1, inserted: 1, deleted: 1 })
  expect(await hub.records(things)).toEqual([thing('new'), ...manyThings(8), thing('t-0000008', 7)])
  expect(await keptRows()).toBe(0)
})

test('a fifth may go, more is refused with nothing changed', async () => {
  await hub.pushed(things, manyThings(10))
  const answer = await hub.push(things, [...manyThings(7), thing('new')], snapshot)
  expect(answer.statusCode).toBe(409)
  expect(answer.json()).toMatchObject({ code: 'state-conflict' })
  expect(await hub.records(things)).toEqual(manyThings(10))
  const { counts } = await hub.pushed(things, manyThings(8), snapshot)
  expect(counts).toMatchObject({ deleted: 2 })
})

test('force lets more go', async () => {
  await hub.pushed(things, manyThings(10))
  expect((await hub.pushed(things, manyThings(1), forced)).counts).toMatchObject({ deleted: 9 })
  expect(await hub.records(things)).toEqual(manyThings(1))
})

test('an empty snapshot of a resource with records is refused', async () => {
  await hub.pushed(things, manyThings(3))
  expect((await hub.push(things, '', snapshot)).json()).toMatchObject({ code: 'state-conflict' })
  expect(await hub.records(things)).toHaveLength(3)
})

test('the first snapshot of an empty resource is no danger', async () => {
  expect((await hub.pushed(things, manyThings(3), snapshot)).counts).toMatchObject({ inserted: 3 })
})

test('a rejected row’s key is present: its record stays and is marked', async () => {
  await hub.pushed(things, manyThings(5))
  const rows = [...manyThings(4), { thing: 't-0000004', amount: 'many' }]
  const { counts } = await hub.pushed(things, rows, snapshot)
  expect(counts).toMatchObject({ read: 5, unchanged: 4, rejected: 1, deleted: 0 })
  const records = await hub.records(things, ['_key', '_flags'])
  expect(records.at(-1)).toEqual({ _key: 't-0000004', _flags: ['newer-version-refused'] })
  expect(records.slice(0, 4).every(({ _flags }) => _flags === null)).toBe(true)
})

test('counts add up when a key comes again in a later batch, refused before or after', async () => {
  const filler = manyThings(20_000)
  const rows = [
    { thing: 'x', amount: 'bad' },
    thing('y'),
    thing('z'),
    thing('w'),
    ...filler,
    thing('x'),
    { thing: 'y', amount: 'bad' },
    thing('z'),
    thing('w', 3),
  ]
  const { counts } = await hub.pushed(things, rows, snapshot)
  expect(counts).toMatchObject({
    read: 20_008,
    inserted: 20_004,
    rejected: 2,
    unchanged: 1,
    superseded: 1,
  })
  const records = await hub.records(things, ['_key', 'amount', '_flags'])
  expect(records.slice(-4)).toEqual([
    { _key: 'w', amount: '3', _flags: null },
    { _key: 'x', amount: '1', _flags: null },
    { _key: 'y', amount: '1', _flags: ['newer-version-refused'] },
    { _key: 'z', amount: '1', _flags: null },
  ])
})

test('what came in after the run began stays', async () => {
  await hub.pushed(things, manyThings(10))
  const opened = await hub.call('POST', `/v1/resources/${things}/runs`, {
    token: hub.machine,
    body: { mode: 'snapshot' },
  })
  const { runId } = opened.json()
  await hub.pushed(things, [thing('meanwhile')])
  await hub.call('PUT', `/v1/runs/${runId}/batches/1`, {
    token: hub.machine,
    headers: { 'content-type': 'application/x-ndjson' },
    body: ndjson(manyThings(9)),
  })
  const ended = await hub.call('POST', `/v1/runs/${runId}/commit`, { token: hub.machine })
  expect(ended.json().counts).toMatchObject({ deleted: 1 })
  expect((await hub.records(things)).map((row) => row['thing'])).toContain('meanwhile')
})

test('a commit that is interrupted between two slices goes on where it stopped', async () => {
  await hub.pushed(things, manyThings(100))
  const undo = await failOn(hub, 'hub.batches', 'new.number = 1000002')
  const headers = { 'idempotency-key': `k-${made}` }
  const rows = [...manyThings(25_000, 50)]
  const failed = await hub.push(things, rows, { ...forced, headers })
  expect(failed.statusCode).toBe(500)
  await undo()
  const again = await hub.push(things, rows, { ...forced, headers })
  expect(again.json().counts).toMatchObject({
    read: 25_000,
    unchanged: 50,
    inserted: 24_950,
    deleted: 50,
  })
  expect(await hub.records(things)).toHaveLength(25_000)
  expect(await keptRows()).toBe(0)
})

test('a run that died behind the last step of its commit deletes nothing more when it goes on', async () => {
  await hub.pushed(things, manyThings(10))
  const undo = await failOn(hub, 'hub.runs', `new.state = 'succeeded'`)
  const headers = { 'idempotency-key': `k-${made}` }
  const rows = manyThings(9)
  expect((await hub.push(things, rows, { ...snapshot, headers })).statusCode).toBe(500)
  await undo()
  const again = await hub.push(things, rows, { ...snapshot, headers })
  expect(again.json().counts).toMatchObject({ read: 9, unchanged: 9, deleted: 1 })
  expect(await hub.records(things)).toEqual(rows)
})

test('a commit that is called again after all its steps changes nothing more', async () => {
  await hub.pushed(things, manyThings(10))
  const { runId } = await hub.pushed(things, manyThings(9), snapshot)
  const { intake, catalog } = hub.app.hub
  const run = await runStore(intake.parts.pool).find(runId)
  const served = await catalog.served(things)
  if (run === null || served === null) throw new Error('There is no run')
  await expect(commitSnapshot(intake.parts, run, served)).rejects.toMatchObject({
    code: 'state-conflict',
  })
  expect(await hub.records(things)).toHaveLength(9)
})

test('of two versions of one licence the higher is current, whichever comes last', async () => {
  const draft = standardDraft(`licences-${made}`, 'provider', 'licence')
  const id = await publishDraft(hub, draft)
  const licence = (version: string) => ({
    family: 'family',
    name: '食品经营许可证',
    issuer: '局',
    holders: [{ name: '甲' }],
    status: '01',
    version,
  })
  const rows = [licence('2'), licence('1'), licence('2')]
  const { counts, rejects } = await hub.pushed(id, rows, snapshot)
  expect(rejects).toEqual([])
  expect(counts).toMatchObject({ read: 3, inserted: 1, unchanged: 1 })
  expect(counts.updated + counts.superseded).toBe(1)
  expect(await hub.records(id, ['version'])).toEqual([{ version: '2' }])
  const again = await hub.pushed(id, rows, snapshot)
  expect(again.counts).toMatchObject({ read: 3, deleted: 0, inserted: 0, updated: 0 })
  expect(await hub.records(id, ['version'])).toEqual([{ version: '2' }])
})

test('a failed snapshot is not taken up again when its rows may have been forgotten', async () => {
  await hub.pushed(things, manyThings(10))
  const headers = { 'idempotency-key': `k-${made}` }
  await hub.push(things, manyThings(3), { ...snapshot, headers })
  const { pool } = hub.testDatabase.database
  await pool.query(`update hub.runs set ended_at = now() - interval '8 days' where resource = $1`, [
    things,
  ])
  const again = await hub.push(things, manyThings(3), { ...snapshot, headers })
  expect(again.json()).toMatchObject({ code: 'state-conflict' })
  expect(await hub.records(things)).toHaveLength(10)
})
