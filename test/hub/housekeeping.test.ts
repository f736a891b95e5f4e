import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type HousekeepingParts, startHousekeeping } from '../../src/hub/housekeeping.ts'
import { silentLog } from '../../src/hub/database/log.ts'
import { publishPlain } from '../support/resources.ts'
import { type IntakeHub, manyThings, ndjson, openIntakeHub, thing } from './intake/support.ts'

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

const pool = () => hub.testDatabase.database.pool
const count = async (sql: string, values: unknown[] = []): Promise<number> =>
  (await pool().query(sql, values)).rows.length

const parts = (more: Partial<HousekeepingParts> = {}): HousekeepingParts => ({
  ...hub.app.hub,
  log: silentLog,
  ...more,
})

/** Starts, waits for the first round, and stops. */
async function tidyOnce(more: Partial<HousekeepingParts> = {}): Promise<boolean> {
  const housekeeping = startHousekeeping(parts(more))
  const isDone = await housekeeping.tidy()
  await housekeeping.close()
  return isDone
}

test('keys go after the days of the setting, and then stand for nothing', async () => {
  const headers = { 'idempotency-key': `k-${made}` }
  await hub.push(things, [thing('a')], { headers })
  expect(await tidyOnce()).toBe(true)
  expect((await hub.push(things, [thing('b')], { headers })).statusCode).toBe(422)
  await pool().query(`update hub.idempotency_keys set created_at = now() - interval '8 days'`)
  await tidyOnce()
  expect((await hub.push(things, [thing('b')], { headers })).statusCode).toBe(200)
})

test('repaired rejects go after theirs', async () => {
  const { runId } = await hub.pushed(things, [{}])
  await hub.call('POST', `/v1/runs/${runId}/replay`, {
    token: hub.operator,
    body: { rows: [{ line: 1, source: thing('a') }] },
  })
  await tidyOnce()
  expect(await count('select 1 from hub.rejects where run_id = $1', [runId])).toBe(1)
  await pool().query(`update hub.rejects set repaired_at = now() - interval '31 days'`)
  await tidyOnce()
  expect(await count('select 1 from hub.rejects where run_id = $1', [runId])).toBe(0)
})

test('bodies and snapshot rows of ended runs go, those that may be needed stay', async () => {
  await hub.pushed(things, manyThings(10))
  await hub.push(things, manyThings(3), { query: '?mode=snapshot' })
  const { rows } = await pool().query(
    `select id from hub.runs where resource = $1 and state = 'failed'`,
    [things],
  )
  const failed = rows[0].id
  await pool().query('insert into hub.run_bodies values ($1, 0, $2)', [failed, Buffer.from('x')])
  const left = async () => [
    await count('select 1 from hub.run_bodies where run_id = $1', [failed]),
    await count('select 1 from hub.snapshot_rows where run_id = $1', [failed]),
  ]
  await tidyOnce()
  expect(await left()).toEqual([1, 3])
  await pool().query(`update hub.runs set ended_at = now() - interval '2 hours' where id = $1`, [
    failed,
  ])
  await tidyOnce()
  expect(await left()).toEqual([0, 3])
  await pool().query(`update hub.runs set ended_at = now() - interval '9 days' where id = $1`, [
    failed,
  ])
  await tidyOnce()
  expect(await left()).toEqual([0, 0])
})

test('a long load that nobody goes on with for a week is ended, and can be taken up again', async () => {
  const open = async (): Promise<string> =>
    (
      await hub.call('POST', `/v1/resources/${things}/runs`, { token: hub.machine, body: {} })
    ).json().runId
  const [idle, busy] = [await open(), await open()]
  await hub.call('PUT', `/v1/runs/${busy}/batches/1`, {
    token: hub.machine,
    headers: { 'content-type': 'application/x-ndjson' },
    body: ndjson([thing('a')]),
  })
  await pool().query(
    `update hub.runs set created_at = now() - interval '8 days', leased_until = null where id in ($1, $2)`,
    [idle, busy],
  )
  await tidyOnce()
  expect(await hub.run(idle)).toMatchObject({ state: 'failed', error: { code: 'unavailable' } })
  expect(await hub.run(busy)).toMatchObject({ state: 'running' })
  const retried = await hub.call('POST', `/v1/runs/${idle}/retry`, { token: hub.machine })
  expect(retried.json()).toMatchObject({ state: 'running', nextBatch: 1 })
})

test('tombstones go after their days', async () => {
  await hub.pushed(things, [thing('a'), thing('b')])
  await hub.pushed(things, [{ thing: 'a' }], { query: '?mode=delete' })
  const { rows } = await pool().query('select number from hub.resources where id = $1', [things])
  const tombstones = () =>
    count(`select 1 from records.r_${rows[0].number} where _status = 'deleted'`)
  await tidyOnce()
  expect(await tombstones()).toBe(1)
  const now = () => new Date(Date.now() + 91 * 24 * 60 * 60 * 1000)
  await tidyOnce({ clock: { now } })
  expect(await tombstones()).toBe(0)
  expect(await hub.records(things)).toEqual([thing('b')])
})

test('the log’s coming months are there', async () => {
  const now = new Date()
  await tidyOnce()
  const coming = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 3, 1))
  const name = `entries_${coming.toISOString().slice(0, 7).replace('-', '_')}`
  expect(
    await count(`select 1 from pg_tables where schemaname = 'audit' and tablename = $1`, [name]),
  ).toBe(1)
})

test('one process at a time does the chores', async () => {
  const other = await hub.testDatabase.database.openClient('leader')
  await other.query('select pg_advisory_lock(7305118441)')
  expect(await tidyOnce()).toBe(false)
  await other.end()
  expect(await tidyOnce()).toBe(true)
})

test('a chore that fails is told and keeps no other from being done', async () => {
  const headers = { 'idempotency-key': `k-${made}` }
  await hub.push(things, [thing('a')], { headers })
  await pool().query(`update hub.idempotency_keys set created_at = now() - interval '8 days'`)
  const faults: object[] = []
  const log = { ...silentLog, error: (details: object) => void faults.push(details) }
  const config = { ...hub.app.hub.config, rejectDays: Number.NaN }
  expect(await tidyOnce({ log, config })).toBe(true)
  // At its start and when it was asked.
  expect(faults).toMatchObject([{ chore: 'rejects' }, { chore: 'rejects' }])
  expect(await count('select 1 from hub.idempotency_keys')).toBe(0)
})

test('a hub without a database is told about, and does not fall', async () => {
  const faults: object[] = []
  const log = { ...silentLog, error: (details: object) => void faults.push(details) }
  const openClient = () => Promise.reject(new Error('no database'))
  expect(await tidyOnce({ log, database: { ...hub.testDatabase.database, openClient } })).toBe(
    false,
  )
  expect(faults.length).toBeGreaterThan(0)
})
