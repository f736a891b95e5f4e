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
})
afterAll(async () => {
  Object.assign(intakeLimits, { batchRowsMax })
  await hub.close()
})

const pulledFull = async (table: string, given: { fewerThanShareMin?: number } = {}) => {
  await createThings(hub.source, table, { rows: 1000 })
  const sync = await hub.makeSync({ table, mode: 'full', ...given })
  await hub.pulled(sync)
  return sync
}

const liveCount = async (sync: string): Promise<number> =>
  (await hub.records((await hub.sync(sync)).resource)).length

describe('what a full pull deletes', () => {
  test('is nothing when the source gives far fewer rows than last time, unless forced', async () => {
    const sync = await pulledFull('fewer', { fewerThanShareMin: 0.95 })
    await hub.source.query(
      `delete from fewer where id <= 100; update fewer set amount = '9' where id = 500`,
    )
    await expect(hub.pulled(sync)).rejects.toMatchObject({ code: 'state-conflict' })
    expect(await liveCount(sync)).toBe(1000)
    const forced = await hub.pulled(sync, { plan: { force: true } })
    expect(forced.counts).toMatchObject({ deleted: 100, unchanged: 900 })
    expect(await liveCount(sync)).toBe(900)
  })

  test('is nothing when more than a fifth of the live records would go', async () => {
    const sync = await pulledFull('fifth', { fewerThanShareMin: 0 })
    await hub.source.query('delete from fifth where id <= 300')
    await expect(hub.pulled(sync)).rejects.toThrow('300')
    expect(await liveCount(sync)).toBe(1000)
  })

  test('is nothing that another source feeds, unless forced', async () => {
    const sync = await pulledFull('shared')
    const { resource } = await hub.sync(sync)
    await createThings(hub.source, 'neighbour', { rows: 50 })
    await hub.source.query(`update neighbour set thing = 'neighbour-' || id`)
    await hub.pulled(await hub.makeSync({ table: 'neighbour', resource }))
    await hub.source.query('delete from shared where id = 5')
    await expect(hub.pulled(sync)).rejects.toThrow('feeds this resource from another source')
    expect(await liveCount(sync)).toBe(1050)
    const forced = await hub.pulled(sync, { plan: { force: true } })
    expect(forced.counts.deleted).toBe(51)
  })

  test('is no record whose row was rejected', async () => {
    const sync = await pulledFull('rejected')
    await hub.source.query(
      `update rejected set amount = 'bad' where id = 7; delete from rejected where id = 8`,
    )
    const run = await hub.pulled(sync)
    expect(run.counts).toMatchObject({ rejected: 1, deleted: 1 })
    expect(await liveCount(sync)).toBe(999)
  })

  test('is no record that came in by another way after the run began', async () => {
    const sync = await pulledFull('others')
    const { resource } = await hub.sync(sync)
    const runId = await hub.queue(sync)
    const mend = await failOn(hub, 'hub.batches', `new.run_id = '${runId}'`)
    await expect(hub.work(runId)).rejects.toThrow('made to fail')
    await mend()
    await hub.pushed(resource, [{ thing: 'pushed', amount: '1' }])
    await hub.source.query('delete from others where id = 3')
    await abandon(hub, runId)
    expect(await hub.work(runId)).toMatchObject({ run: { counts: { deleted: 1 } } })
    expect(await hub.records(resource)).toContainEqual({ thing: 'pushed', amount: '1' })
  })

  test('goes on where it broke off, its guards behind it', async () => {
    const sync = await pulledFull('broken', { fewerThanShareMin: 0 })
    await hub.source.query('delete from broken where id <= 150')
    Object.assign(intakeLimits, { batchRowsMax: 100 })
    const runId = await hub.queue(sync)
    const mend = await failOn(
      hub,
      'hub.batches',
      `new.run_id = '${runId}' and new.number > 1000001`,
    )
    await expect(hub.work(runId)).rejects.toThrow('made to fail')
    await mend()
    expect(await liveCount(sync)).toBe(900)
    await abandon(hub, runId)
    const outcome = await hub.work(runId)
    Object.assign(intakeLimits, { batchRowsMax })
    expect(outcome).toMatchObject({
      run: { state: 'succeeded', counts: { deleted: 150, read: 850 } },
    })
    const { resource } = await hub.sync(sync)
    expect(await recordThings(hub, resource)).toEqual(await sourceThings(hub.source, 'broken'))
  })
})
