import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { intakeLimits } from '../../../src/hub/intake/limits.ts'
import { abandon, failOn } from '../intake/support.ts'
import {
  createThings,
  openPullHub,
  type PullHub,
  recordThings,
  sourceThings,
} from './pulling-support.ts'

let hub: PullHub
const batchRowsMax = intakeLimits.batchRowsMax
beforeAll(async () => {
  hub = await openPullHub()
  // Each block of the source is a batch then: what happens between batches needs no millions of rows.
  Object.assign(intakeLimits, { batchRowsMax: 500 })
})
afterAll(async () => {
  Object.assign(intakeLimits, { batchRowsMax })
  await hub.close()
})

const expectEqual = async (sync: string, table: string): Promise<void> => {
  const { resource } = await hub.sync(sync)
  expect(await recordThings(hub, resource)).toEqual(await sourceThings(hub.source, table))
}

/** Works a run off until it is killed at its `number`-th batch, as by `kill -9`; leaves it as one that died. */
async function killAtBatch(runId: string, number: number): Promise<void> {
  const mend = await failOn(
    hub,
    'hub.batches',
    `new.run_id = '${runId}' and new.number >= ${number}`,
  )
  await expect(hub.work(runId)).rejects.toThrow('made to fail')
  await mend()
  await abandon(hub, runId)
}

/** The process's second life: the run is claimed again and worked off. */
async function takeUp(runId: string) {
  const outcome = await hub.work(runId)
  if (outcome.kind !== 'ended') throw new Error('the run made room')
  return outcome.run
}

describe('failures that other pumps are known for', () => {
  test('no row is lost at ties of the cursor after an intermediate checkpoint', async () => {
    await createThings(hub.source, 'ties', { rows: 9000 })
    await hub.source.query(
      `update ties set updated_at = date_trunc('hour', updated_at) + (id % 2) * interval '1 microsecond'`,
    )
    const sync = await hub.makeSync({ table: 'ties', cursor: ['updated_at'] })
    const runId = await hub.queue(sync)
    await killAtBatch(runId, 2)
    expect((await hub.findRun(runId)).checkpoint).not.toBeNull()
    const run = await takeUp(runId)
    expect(run.state).toBe('succeeded')
    expect(run.counts.inserted).toBe(9000)
    expect(run.reconciliation?.agrees).toBe(true)
    await expectEqual(sync, 'ties')
  })

  test('a row that is committed late with an older cursor is found by the overlap', async () => {
    await createThings(hub.source, 'late', { rows: 100 })
    const sync = await hub.makeSync({ table: 'late', overlap: '1h' })
    const writer = await hub.source.connect()
    await writer.query('begin')
    await writer.query(`insert into late values (500, 'late', '3', '2026-01-01 00:01:00+00')`)
    await hub.pulled(sync)
    await writer.query('commit')
    const second = await hub.pulled(sync)
    expect(second.counts.inserted).toBe(1)
    await expectEqual(sync, 'late')
  })

  test('rows that change while they are read are the next run’s, and none is lost', async () => {
    await createThings(hub.source, 'moving', { rows: 6000 })
    const sync = await hub.makeSync({ table: 'moving', limits: { rowsPerSecond: 4000 } })
    const writing = (async () => {
      for (let id = 1; id <= 6000; id += 60) {
        await hub.source.query(
          `update moving set amount = '8', updated_at = clock_timestamp() where id between $1 and $1 + 5`,
          [id],
        )
      }
    })()
    const run = await hub.pulled(sync)
    await writing
    expect(run.counts.read).toBeLessThanOrEqual(6000)
    await hub.pulled(sync)
    await expectEqual(sync, 'moving')
  })

  test('an unordered first load that fails midway begins anew and ends right', async () => {
    await createThings(hub.source, 'heap', { key: '' })
    await hub.source.query(
      `insert into heap select n, 't-' || n, case when n in (5, 29000) then 'bad' else '1' end
         from generate_series(1, 30000) n`,
    )
    const sync = await hub.makeSync({ table: 'heap', mode: 'full' })
    const runId = await hub.queue(sync)
    await killAtBatch(runId, 3)
    expect((await hub.findRun(runId)).counts.rejected).toBe(1)
    await hub.source.query('delete from heap where id = 1')
    const run = await takeUp(runId)
    expect(run).toMatchObject({ state: 'partial', counts: { rejected: 2, deleted: 1 } })
    expect(run.reconciliation).toMatchObject({
      sourceCount: 29_999,
      readCount: 29_999,
      agrees: true,
    })
    expect(await hub.sql('select unit from hub.rejects where run_id = $1', [runId])).toHaveLength(2)
    await hub.source.query(`delete from heap where amount = 'bad'`)
    await expectEqual(sync, 'heap')
  })

  test('a run that fails keeps its state: the next goes on from the last batch', async () => {
    await createThings(hub.source, 'kept', { rows: 30_000 })
    const sync = await hub.makeSync({ table: 'kept' })
    const runId = await hub.queue(sync)
    const mend = await failOn(hub, 'hub.batches', `new.run_id = '${runId}' and new.number >= 3`)
    await expect(hub.work(runId)).rejects.toThrow('made to fail')
    await mend()
    const failed = await hub.findRun(runId)
    expect(failed).toMatchObject({ state: 'failed', batchCount: 2 })
    const next = await hub.pulled(sync)
    expect(next.counts.read).toBe(30_000 - failed.counts.read)
    await expectEqual(sync, 'kept')
  })

  test('counters of one run do not leak into another in the same process', async () => {
    await createThings(hub.source, 'counted', { rows: 10 })
    await hub.source.query(`update counted set amount = 'bad' where id < 4`)
    const sync = await hub.makeSync({ table: 'counted' })
    const first = await hub.pulled(sync)
    expect(first.counts).toMatchObject({ read: 10, rejected: 3, inserted: 7 })
    await hub.source.query(`insert into counted values (11, 'eleven', '1', '2026-05-01')`)
    const second = await hub.pulled(sync)
    expect(second).toMatchObject({
      state: 'succeeded',
      counts: { read: 1, inserted: 1, rejected: 0 },
    })
    expect(second.byteCount).toBeLessThan(first.byteCount)
  })

  test('a dropped connection is source-unreachable and no bad row; the run goes on where it was', async () => {
    await createThings(hub.source, 'dropped_rows', { rows: 40_000 })
    // Wide rows, so that most of them are still the server's when it goes away.
    await hub.source.query(
      `create view dropped as select *, repeat('x', 2000) as note from dropped_rows`,
    )
    const sync = await hub.makeSync({ table: 'dropped', limits: { rowsPerSecond: 2000 } })
    const runId = await hub.queue(sync)
    const claimed = await hub.claim(runId)
    const working = hub.workClaimed(claimed)
    working.catch(() => undefined)
    await hub.until(async () => (await hub.findRun(runId)).batchCount > 1)
    await hub.source.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and query like 'copy%'`,
    )
    await expect(working).rejects.toMatchObject({ code: 'source-unreachable' })
    const broken = await hub.findRun(runId)
    expect(broken.counts).toMatchObject({ rejected: 0 })
    expect(broken.counts.read).toBeGreaterThan(0)
    expect(broken.counts.read).toBeLessThan(40_000)
    await abandon(hub, runId)
    await hub.sql(`update hub.syncs set limits = '{}' where id = $1`, [sync])
    const run = await takeUp(runId)
    // A view has no key, so that rows which tie with the checkpoint are read twice.
    expect(run).toMatchObject({ state: 'succeeded', counts: { inserted: 40_000, rejected: 0 } })
    expect(run.reconciliation?.agrees).toBe(true)
  })

  test('a failed sync is never shown as success', async () => {
    await createThings(hub.source, 'failing', { rows: 5 })
    const sync = await hub.makeSync({ table: 'failing' })
    await hub.source.query('drop table failing')
    await expect(hub.pulled(sync)).rejects.toMatchObject({ code: 'state-conflict' })
    const { lastSuccessAt, lastRun } = await hub.sync(sync)
    expect({ lastSuccessAt, lastRun }).toEqual({ lastSuccessAt: null, lastRun: null })
    expect(await hub.sql('select state from hub.runs where sync = $1', [sync])).toEqual([
      { state: 'failed' },
    ])
  })

  test('a source that gives nothing more ends its run', async () => {
    await createThings(hub.source, 'stuck_rows', { rows: 3 })
    await hub.source.query(
      `create function wait() returns text language plpgsql volatile as
         $$ begin perform pg_sleep(600); return '1'; end $$;
       create view stuck as select id, thing, case when id = 3 then wait() else '1' end as amount, updated_at from stuck_rows`,
    )
    const sync = await hub.makeSync({ table: 'stuck', limits: { noProgressSeconds: 1 } })
    await expect(hub.pulled(sync)).rejects.toMatchObject({ code: 'source-unreachable' })
  })

  test('one bad row is one reject, not a failed run', async () => {
    await createThings(hub.source, 'bad', { rows: 1000 })
    await hub.source.query(`update bad set amount = 'many' where id = 500`)
    const sync = await hub.makeSync({ table: 'bad' })
    const run = await hub.pulled(sync)
    expect(run).toMatchObject({
      state: 'partial',
      counts: { read: 1000, inserted: 999, rejected: 1 },
    })
  })

  test('a second run of a sync does not start while one runs; a backfill beside it does', async () => {
    await createThings(hub.source, 'twice', { rows: 5 })
    const sync = await hub.makeSync({ table: 'twice' })
    await hub.claim(await hub.queue(sync))
    await expect(hub.claim(await hub.queue(sync))).rejects.toMatchObject({ code: '23505' })
    const aside = await hub.queue(sync, {
      isAside: true,
      plan: { from: '2026-01-01', to: '2027-01-01' },
    })
    expect((await takeUp(aside)).counts.inserted).toBe(5)
    expect((await hub.sync(sync)).position).toBeNull()
  })

  test('a source that answers no rows deletes nothing, forced or not', async () => {
    await createThings(hub.source, 'emptied', { rows: 50 })
    const sync = await hub.makeSync({ table: 'emptied', mode: 'full' })
    await hub.pulled(sync)
    await hub.source.query('delete from emptied')
    for (const force of [false, true]) {
      await expect(hub.pulled(sync, { plan: { force } })).rejects.toMatchObject({
        code: 'state-conflict',
      })
    }
    const { resource } = await hub.sync(sync)
    expect(await hub.records(resource)).toHaveLength(50)
  })
})
