import { gzipSync } from 'node:zlib'
import { v7 as newId } from 'uuid'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { bodyStore } from '../../../src/hub/intake/stored-bodies.ts'
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

beforeAll(async () => {
  hub = await openIntakeHub()
})
beforeEach(async () => {
  made += 1
  things = await publishPlain(hub, { id: `things-${made}`, provider: 'provider' })
})
afterAll(() => hub.close())

const later = { prefer: 'respond-async' }
const pool = () => hub.testDatabase.database.pool

const piecesOf = async (runId: string): Promise<number> => {
  const { rows } = await pool().query('select 1 from hub.run_bodies where run_id = $1', [runId])
  return rows.length
}

async function untilEnded(runId: string) {
  const giveUpAt = Date.now() + 45_000
  for (;;) {
    const run = await hub.run(runId)
    if (run.state !== 'queued' && run.state !== 'running' && (await piecesOf(runId)) === 0)
      return run
    if (Date.now() > giveUpAt) throw new Error(`The run is ${run.state}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a call that asks for it is answered before its rows have landed, and the run ends well', async () => {
  const body = gzipSync('thing,amount\na,1\n,2\n')
  const headers = { ...later, 'content-encoding': 'gzip' }
  const answer = await hub.push(things, body, { headers, type: 'text/csv; charset=gb18030' })
  expect(answer.statusCode).toBe(202)
  const { runId } = answer.json()
  expect(answer.headers['location']).toBe(`/v1/runs/${runId}`)
  expect(answer.headers['x-audit-id']).toBeTruthy()
  expect(await untilEnded(runId)).toMatchObject({
    state: 'partial',
    counts: { read: 2, inserted: 1, rejected: 1 },
  })
  expect(await hub.records(things)).toEqual([thing('a')])
})

test('the same key and body are answered by the same run, another body is a conflict', async () => {
  const headers = { ...later, 'idempotency-key': `k-${made}` }
  const first = await hub.push(things, [thing('a')], { headers })
  const { runId } = first.json()
  const second = await hub.push(things, [thing('a')], { headers })
  expect(second.statusCode).toBe(202)
  expect(second.headers['idempotency-replayed']).toBe('true')
  expect(second.json().runId).toBe(runId)
  expect((await hub.push(things, [thing('b')], { headers })).json()).toMatchObject({
    code: 'idempotency-conflict',
  })
  await untilEnded(runId)
  const waited = await hub.push(things, [thing('a')], {
    headers: { 'idempotency-key': `k-${made}` },
  })
  expect(waited.json()).toMatchObject({ runId, state: 'succeeded' })
  expect(waited.headers['idempotency-replayed']).toBe('true')
  expect(await hub.records(things)).toEqual([thing('a')])
})

/** A run as a process leaves it that was killed behind its answer, or in the middle. */
async function leaveRun(state: 'queued' | 'running', body: string | null): Promise<string> {
  const id = newId()
  await pool().query(
    `insert into hub.runs (id, resource, kind, mode, state, department, system, media_type, content_encoding,
       leased_by, leased_until)
     values ($1, $2, 'push', 'upsert', $3, 'provider', 'front', 'application/x-ndjson', 'identity', 'dead',
       now() - interval '1 second')`,
    [id, things, state],
  )
  if (body !== null) {
    await bodyStore(pool()).keep(
      id,
      (async function* () {
        yield Buffer.from(body)
      })(),
    )
  }
  return id
}

test.each(['queued', 'running'] as const)(
  'a %s run whose process died is taken up by the sweep',
  async (state) => {
    const runId = await leaveRun(state, ndjson([thing('a')]))
    await hub.app.hub.intake.stored.sweep()
    expect(await untilEnded(runId)).toMatchObject({ state: 'succeeded', counts: { inserted: 1 } })
  },
)

test('a stored run that was killed between two batches repeats none of them', async () => {
  const rows = manyThings(30_000)
  const undo = await failOn(hub, 'hub.batches', 'new.number = 2')
  const runId = await leaveRun('queued', ndjson(rows))
  const body = await pool().query('select * from hub.run_bodies where run_id = $1', [runId])
  await hub.app.hub.intake.stored.sweep()
  await untilEnded(runId)
  await undo()
  for (const { piece, bytes } of body.rows) {
    await pool().query('insert into hub.run_bodies values ($1, $2, $3)', [runId, piece, bytes])
  }
  await abandon(hub, runId)
  await hub.app.hub.intake.stored.sweep()
  expect(await untilEnded(runId)).toMatchObject({
    state: 'succeeded',
    counts: { read: 30_000, inserted: 30_000, unchanged: 0 },
  })
})

test('a run without a body whose process died fails, and says what to do', async () => {
  const runId = await leaveRun('running', null)
  await hub.app.hub.intake.stored.sweep()
  const run = await untilEnded(runId)
  expect(run).toMatchObject({ state: 'failed', error: { code: 'unavailable' } })
  expect(run.error?.message).toMatch(/幂等键.*idempotency key/s)
})

test('half of a body is never worked off', async () => {
  const runId = await leaveRun('queued', null)
  await pool().query('insert into hub.run_bodies values ($1, 0, $2)', [
    runId,
    Buffer.from(ndjson([thing('a')])),
  ])
  await hub.app.hub.intake.stored.sweep()
  expect(await untilEnded(runId)).toMatchObject({ state: 'failed' })
  expect(await hub.records(things)).toEqual([])
})

test('a body that is still being sent is left alone by the sweep', async () => {
  let send: (last: string) => void = () => undefined
  const rest = new Promise<string>((resolve) => (send = resolve))
  const bytes = (async function* () {
    yield Buffer.from(ndjson([thing('a')]))
    yield Buffer.from(await rest)
  })()
  const { Readable } = await import('node:stream')
  const answer = hub.push(things, Readable.from(bytes), { headers: later })
  const giveUpAt = Date.now() + 45_000
  const begun = async () =>
    (await pool().query(`select id from hub.runs where resource = $1`, [things])).rows.length > 0
  while (!(await begun()) && Date.now() < giveUpAt) await new Promise((r) => setTimeout(r, 10))
  await hub.app.hub.intake.stored.sweep()
  send(ndjson([thing('b')]))
  const { statusCode, json } = await answer
  expect(statusCode).toBe(202)
  expect(await untilEnded(json().runId)).toMatchObject({ state: 'succeeded', counts: { read: 2 } })
})

test('a body that breaks off is not accepted', async () => {
  const headers = { ...later, 'content-encoding': 'gzip', 'idempotency-key': `k-${made}` }
  const body = gzipSync(ndjson([thing('a')]))
  const broken = await hub.push(things, body.subarray(0, 15), { headers })
  expect(broken.json()).toMatchObject({ code: 'request-invalid' })
  const whole = await hub.push(things, body, { headers })
  expect(whole.statusCode).toBe(202)
  expect(await untilEnded(whole.json().runId)).toMatchObject({ state: 'succeeded' })
})

test('a run that cannot be worked off keeps no body', async () => {
  const runId = (
    await hub.push(things, '[{"thing":"a"', { type: 'application/json', headers: later })
  ).json().runId
  expect(await untilEnded(runId)).toMatchObject({
    state: 'failed',
    error: { code: 'request-invalid' },
  })
})

test('a stored body is cut into pieces and has a limit', async () => {
  const runId = await leaveRun('running', null)
  const bodies = bodyStore(pool(), { storedPieceBytes: 10, storedBodyBytesMax: 25 })
  const chunks = async function* (count: number) {
    for (let at = 0; at < count; at += 1) yield Buffer.from('12345')
  }
  await bodies.keep(runId, chunks(5))
  expect(await piecesOf(runId)).toBe(4)
  const read: Buffer[] = []
  for await (const piece of bodies.read(runId)) read.push(Buffer.from(piece))
  expect(Buffer.concat(read).toString()).toBe('12345'.repeat(5))
  await bodies.forget(runId)
  await expect(bodies.keep(runId, chunks(6))).rejects.toMatchObject({ code: 'payload-too-large' })
  await bodies.forget(runId)
  await hub.app.hub.intake.stored.sweep()
})

test('a hub that stops gives a run back to the queue, and the next one ends it', async () => {
  const { storedRuns } = await import('../../../src/hub/intake/run-stored.ts')
  const runId = await leaveRun('queued', ndjson(manyThings(60_000)))
  const stopping = storedRuns(
    { ...hub.app.hub.intake.parts, holder: 'stopping' },
    { onFault: () => undefined },
  )
  // No batch can be told of before the hub stops: the run cannot end first, however slow the test is.
  const client = await pool().connect()
  await client.query('begin; lock table hub.batches in share mode')
  stopping.begin(runId)
  const giveUpAt = Date.now() + 45_000
  while ((await hub.run(runId)).state === 'queued' && Date.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const closing = stopping.close()
  await client.query('rollback')
  client.release()
  await closing
  expect((await hub.run(runId)).state).toBe('queued')
  await hub.app.hub.intake.stored.sweep()
  expect(await untilEnded(runId)).toMatchObject({
    state: 'succeeded',
    counts: { read: 60_000, inserted: 60_000 },
  })
})
