import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { intakeLimits } from '../../../src/hub/intake/limits.ts'
import { syncLimits } from '../../../src/hub/syncs/limits.ts'
import { abandon, failOn } from '../intake/support.ts'
import {
  createThings,
  failureOf,
  openPullHub,
  type PullHub,
  recordThings,
  sourceThings,
} from './pulling-support.ts'

let hub: PullHub
const { batchRowsMax } = intakeLimits
beforeAll(async () => {
  hub = await openPullHub()
  Object.assign(intakeLimits, { batchRowsMax: 500 })
})
afterAll(async () => {
  Object.assign(intakeLimits, { batchRowsMax })
  await hub.close()
})

/** Between which statements a run dies: before a batch's row, before its counts, before the run's end. */
const kills = {
  batch: { table: 'hub.batches', when: (at: number) => `new.number >= ${at}` },
  counts: { table: 'hub.runs', when: (at: number) => `new.batch_count >= ${at}` },
  checkpoint: {
    table: 'hub.runs',
    when: (at: number) =>
      `new.checkpoint is distinct from old.checkpoint and new.batch_count >= ${at - 1}`,
  },
  end: { table: 'hub.runs', when: () => `new.state in ('succeeded', 'partial')` },
} as const

interface Step {
  edits: { kind: 'insert' | 'update' | 'delete' | 'spoil'; id: number }[]
  kill: { kind: keyof typeof kills; at: number } | null
}

const stepOf = (canDelete: boolean): fc.Arbitrary<Step> =>
  fc.record({
    edits: fc.array(
      fc.record({
        kind: fc.constantFrom(
          ...(['insert', 'update', 'spoil', ...(canDelete ? ['delete' as const] : [])] as const),
        ),
        id: fc.nat(5000),
      }),
      { maxLength: 15 },
    ),
    kill: fc.option(
      fc.record({
        kind: fc.constantFrom(...(['batch', 'counts', 'checkpoint', 'end'] as const)),
        at: fc.integer({ min: 1, max: 4 }),
      }),
    ),
  })

/** The last row ties with the cursor, is rejected a second time, and the run dies with nothing left to read. */
const rejectedAgain: Step[] = [
  { edits: [{ kind: 'spoil', id: 1 }], kill: null },
  { edits: [], kill: { kind: 'end', at: 1 } },
  { edits: [], kill: null },
]

const editStatements = {
  insert: `insert into TABLE select coalesce(max(id), 0) + 1, 'n-' || coalesce(max(id), 0) + 1, '5', clock_timestamp() from TABLE where $1 >= 0`,
  update: `update TABLE set amount = ($1 + 2)::text, updated_at = now() where id % 500 = $1 % 500`,
  spoil: `update TABLE set amount = 'bad', updated_at = clock_timestamp() where id = $1`,
  delete: 'delete from TABLE where id = $1',
}

let count = 0

async function pullThrough(sync: string, kill: Step['kill']): Promise<void> {
  const runId = await hub.queue(sync, { plan: { force: true } })
  if (kill !== null) {
    const { table, when } = kills[kill.kind]
    const mend = await failOn(
      hub,
      table,
      `${table === 'hub.runs' ? 'new.id' : 'new.run_id'} = '${runId}' and ${when(kill.at)}`,
    )
    const died = await hub.work(runId).then(
      () => false,
      () => true,
    )
    await mend()
    if (!died) return
    await abandon(hub, runId)
  }
  await hub.work(runId)
  const run = await hub.findRun(runId)
  expect(run.reconciliation?.agrees).toBe(true)
  expect(await hub.sql('select 1 from hub.rejects where run_id = $1', [runId])).toHaveLength(
    run.counts.rejected,
  )
}

async function holds(
  mode: 'incremental' | 'full',
  steps: readonly Step[],
  cursor?: string[],
): Promise<void> {
  count += 1
  const table = `exact_${count}`
  await createThings(hub.source, table, { rows: 5000 })
  const sync = await hub.makeSync({ table, mode, fewerThanShareMin: 0, ...(cursor && { cursor }) })
  for (const { edits, kill } of steps) {
    for (const { kind, id } of edits) {
      await hub.source.query(editStatements[kind].replaceAll('TABLE', table), [id])
    }
    await pullThrough(sync, kill)
  }
  await hub.source.query(
    `update ${table} set amount = '77', updated_at = clock_timestamp() where amount = 'bad'`,
  )
  await pullThrough(sync, null)
  const { resource } = await hub.sync(sync)
  expect(await recordThings(hub, resource)).toEqual(await sourceThings(hub.source, table))
}

describe('however a run is killed', () => {
  test(
    'incremental pulls end with the records equal to the source',
    { timeout: 300_000 },
    async () => {
      const steps = fc.array(stepOf(false), { minLength: 1, maxLength: 4 })
      await fc.assert(
        fc.asyncProperty(steps, (given) => holds('incremental', given)),
        { numRuns: 8 },
      )
    },
  )

  test('and however many rows tie at the cursor', { timeout: 300_000 }, async () => {
    const steps = fc.array(stepOf(false), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(steps, (given) => holds('incremental', given, ['updated_at'])),
      { numRuns: 6, examples: [[rejectedAgain]] },
    )
  })

  test('full pulls end with the records equal to the source', { timeout: 300_000 }, async () => {
    const steps = fc.array(stepOf(true), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(steps, (given) => holds('full', given)),
      { numRuns: 8 },
    )
  })
})

describe('a run that has to make room', () => {
  test('goes on in the large lane from where it was', async () => {
    await createThings(hub.source, 'large', { rows: 20_000 })
    const sync = await hub.makeSync({ table: 'large' })
    const { smallRunRowsMax } = syncLimits
    Object.assign(syncLimits, { smallRunRowsMax: 20_000 })
    // It grows while it waits: what was counted when it was planned does not tell.
    const runId = await hub.queue(sync)
    Object.assign(syncLimits, { smallRunRowsMax: 3000 })
    expect(await hub.work(runId)).toEqual({ kind: 'yielded', notBefore: null, lane: 'large' })
    Object.assign(syncLimits, { smallRunRowsMax })
    await hub.sql(`update hub.runs set state = 'queued', lane = 'large' where id = $1`, [runId])
    expect(await hub.work(runId)).toMatchObject({
      run: { state: 'succeeded', counts: { read: 20_000 } },
    })
  })

  test('leaves when its window closes, between two batches, with everything kept', async () => {
    await createThings(hub.source, 'windowed', { rows: 20_000 })
    const now = new Date()
    const sync = await hub.makeSync({ table: 'windowed', limits: { windows: [closedAt(now)] } })
    const runId = await hub.queue(sync)
    const outcome = await hub.work(runId)
    expect(outcome).toMatchObject({ kind: 'yielded', lane: 'small' })
    const { counts, checkpoint } = await hub.findRun(runId)
    expect(counts.read).toBeGreaterThan(0)
    expect(checkpoint).toMatchObject({ line: counts.read })
    await hub.sql(`update hub.syncs set limits = '{}' where id = $1`, [sync])
    await hub.sql(`update hub.runs set state = 'queued' where id = $1`, [runId])
    expect(await hub.work(runId)).toMatchObject({
      run: { state: 'succeeded', counts: { read: 20_000 } },
    })
  })

  test('stops at its signal and keeps what has landed', async () => {
    await createThings(hub.source, 'stopped', { rows: 20_000 })
    const sync = await hub.makeSync({ table: 'stopped', limits: { rowsPerSecond: 500 } })
    const runId = await hub.queue(sync)
    const claimed = await hub.claim(runId)
    const working = hub.workClaimed(claimed)
    working.catch(() => undefined)
    await hub.until(async () => (await hub.findRun(runId)).batchCount > 0)
    const reason = new Error('closing')
    claimed.stop.abort(reason)
    await expect(working).rejects.toBe(reason)
    await abandon(hub, runId)
    await hub.sql(`update hub.syncs set limits = '{}' where id = $1`, [sync])
    expect(await hub.work(runId)).toMatchObject({ run: { counts: { inserted: 20_000 } } })
  })
})

/** A window of one minute, half a day from now. */
function closedAt(now: Date): string {
  const minute = (now.getUTCHours() * 60 + now.getUTCMinutes() + 8 * 60 + 12 * 60) % 1440
  const text = (at: number): string =>
    `${String(Math.floor(at / 60)).padStart(2, '0')}:${String(at % 60).padStart(2, '0')}`
  return `${text(minute)}-${text((minute + 1) % 1440)}`
}

describe('limits of bad rows', () => {
  test('fail the run as rows pass; what landed stays, the batch that passed them does not', async () => {
    await createThings(hub.source, 'limited', { rows: 20_000 })
    await hub.source.query(`update limited set amount = 'bad' where id > 10000 and id % 2 = 0`)
    const sync = await hub.makeSync({ table: 'limited', errorLimit: { count: 100 } })
    const runId = await hub.queue(sync)
    const failure = await failureOf(hub.work(runId))
    expect(failure).toMatchObject({ code: 'state-conflict' })
    expect(failure.message).toContain('type')
    const { counts } = await hub.findRun(runId)
    expect(counts.rejected).toBeLessThanOrEqual(100)
    expect(counts.inserted).toBeGreaterThan(0)
    await hub.source.query(`update limited set amount = '3' where amount = 'bad'`)
    const next = await hub.pulled(sync)
    expect(next.counts.read).toBe(20_000 - counts.read)
  })

  test('in percent are judged at the end, however few rows there are', async () => {
    await createThings(hub.source, 'percent', { rows: 10 })
    await hub.source.query(`update percent set amount = 'bad' where id = 1`)
    const strict = await hub.makeSync({ table: 'percent', errorLimit: { percent: 5 } })
    await expect(hub.pulled(strict)).rejects.toMatchObject({ code: 'state-conflict' })
    const mild = await hub.makeSync({ table: 'percent', errorLimit: { percent: 10 } })
    expect(await hub.pulled(mild)).toMatchObject({ state: 'partial' })
  })
})
