import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TargetBatch } from '../../../src/connectors/contract.ts'
import { type SealLag, sealLagLimits } from '../../../src/hub/audit/sealed/seal-lag.ts'
import { stopWhenBehind } from '../../../src/hub/audit/sealed/watch-lag.ts'
import { silentLog } from '../../../src/hub/database/log.ts'
import {
  type DeliveryDoors,
  deliverWork,
  openTarget,
} from '../../../src/hub/delivery/deliver-run.ts'
import type { RunRow } from '../../../src/hub/intake/run-rows.ts'
import { createRunWorkers } from '../../../src/hub/syncs/work-runs.ts'
import { publishDraft } from '../../support/resources.ts'
import { buildWorld, peopleDraft, person, type World } from '../sharing/support.ts'
import {
  defineDelivery,
  demandRun,
  demandSync,
  type NewDelivery,
  openSubscriber,
  queueRun,
  type SubscriberStore,
} from './support.ts'

const none: SealLag = { unsealedEntries: 0, waitingSeconds: 0, checkpointSize: 0 }
const late: SealLag = { ...none, waitingSeconds: sealLagLimits.waitingSecondsMax }
/** What the watch has read last. */
const watch: { lag: SealLag } = { lag: none }
let world: World
let subscriber: SubscriberStore

beforeAll(async () => {
  world = await buildWorld({ auditLog: (log) => stopWhenBehind(log, watch) })
  subscriber = await openSubscriber()
})
beforeEach(() => {
  watch.lag = none
})
afterAll(async () => {
  await subscriber.close()
  await world.hub.close()
})

async function define(id: string, delivery: Partial<NewDelivery>) {
  await publishDraft(world.hub, peopleDraft(id))
  const asked = { resource: id, operations: ['deliver'], fields: ['personId', 'division'] }
  const grant = await world.grant({ ...asked, dailyQuota: 12 })
  const common = { id, resource: id, grant, connector: 'postgres' as const, settings: {} }
  await defineDelivery(world.hub, { ...common, ...delivery })
}

/** A worker of the hub, and what it writes; the seal falls behind after the first write. */
function openWorker() {
  const written: TargetBatch[] = []
  const doors: DeliveryDoors = {
    batchRowsMax: 2,
    openTarget: async (...asked) => {
      const target = await openTarget(...asked)
      return {
        ...target,
        commits: target.commits,
        write: async (batch) => {
          await target.write(batch)
          written.push(batch)
          if (written.length === 1) watch.lag = late
        },
      }
    },
  }
  const { pool } = world.hub.app.hub.database
  const workers = createRunWorkers({
    pool,
    queue: { ringAll: async () => undefined },
    works: { deliver: deliverWork(world.hub.app.hub, doors) },
    workStored: async () => undefined,
    holder: 'worker',
    log: silentLog,
  })
  /** Works the run off, whatever time it was to wait for. */
  const work = async (runId: string): Promise<RunRow> => {
    await pool.query('update hub.runs set not_before = null where id = $1', [runId])
    await workers.work(runId)
    return demandRun(world.hub, runId)
  }
  return { written, work }
}

const told = (runId: string, outcome: string) =>
  world.hub.entries.filter((entry) => entry.runId === runId && entry.outcome === outcome)

const people = (count: number) =>
  Array.from({ length: count }, (_, place) => person(`p${place + 1}`))

test('a delivery stops where the log is sealed too late, waits, and goes on without loss or double', async () => {
  const id = 'unsealed'
  await define(id, { settings: { url: subscriber.url, table: id } })
  await world.push(id, people(6))
  const runId = await queueRun(world.hub, id)
  const { written, work } = openWorker()
  const keys = async () => (await subscriber.rows(id)).map((row) => row['_key'])

  // More often than a source that is away would be tried: the wait has no last attempt.
  for (let turn = 0; turn < 10; turn += 1) {
    const stopped = await work(runId)
    expect(stopped).toMatchObject({ state: 'queued', attempt: 0, batchCount: 1 })
    expect(stopped.lastError).toMatchObject({ code: 'unavailable' })
    expect(stopped.lastError?.message).toContain('密封滞后')
    expect(stopped.notBefore).not.toBeNull()
    expect(written).toHaveLength(1)
    if (turn === 5) {
      await world.push(id, [person('p3', { division: 'B' }), person('p7')])
      await world.push(id, [{ personId: 'p4' }, { personId: 'p1' }], 'delete')
    }
  }
  expect(await keys()).toEqual(['p1', 'p2'])

  watch.lag = none
  const ended = await work(runId)
  expect(ended).toMatchObject({ state: 'succeeded', error: null })
  expect(await keys()).toEqual(['p2', 'p3', 'p5', 'p6', 'p7'])
  const numbers = written.map(({ number }) => number)
  expect(numbers).toEqual(numbers.map((_, place) => place + 1))
  expect((await demandSync(world.hub, id)).batchNumber).toBe(numbers.length)
})

test('each write has its one entry, of ranges that meet; what was stopped is logged as refused and uses no quota', async () => {
  const id = 'accounted'
  await define(id, { settings: { url: subscriber.url, table: id } })
  await world.push(id, people(6))
  const runId = await queueRun(world.hub, id)
  const { written, work } = openWorker()
  for (let turn = 0; turn < 10; turn += 1) await work(runId)
  expect(told(runId, 'failed')).toHaveLength(10)
  for (const entry of told(runId, 'failed')) {
    expect(entry).toMatchObject({ operation: 'records.deliver', code: 'unavailable' })
    expect([entry.sequenceRange, entry.subjects, entry.rowCount]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  }
  watch.lag = none
  expect((await work(runId)).counts).toMatchObject({ read: 6, updated: 6 })
  expect(told(runId, 'allowed').map(({ sequenceRange }) => sequenceRange)).toEqual([
    { after: 0, through: 2 },
    { after: 2, through: 4 },
    { after: 4, through: 6 },
  ])
  expect(written.map(({ rows }) => rows.map(({ key }) => key))).toEqual([
    ['p1', 'p2'],
    ['p3', 'p4'],
    ['p5', 'p6'],
  ])
})

test('a file that the seal fell behind on is not put in place, and is whole once it is', async () => {
  const id = 'unsealed-file'
  const folder = join(world.hub.app.hub.config.filesDirs[0] ?? '', id)
  mkdirSync(folder, { recursive: true })
  const settings = { path: `${folder}/`, format: 'ndjson' }
  await define(id, { connector: 'file', settings })
  await world.push(id, people(5))
  const runId = await queueRun(world.hub, id)
  const { work } = openWorker()
  const files = () => readdirSync(folder).filter((name) => name.endsWith('.ndjson'))
  for (let turn = 0; turn < 10; turn += 1) {
    expect(await work(runId)).toMatchObject({ state: 'queued', attempt: 0 })
    expect(files()).toEqual([])
  }
  watch.lag = none
  expect(await work(runId)).toMatchObject({ state: 'succeeded', counts: { updated: 5 } })
  const [name = '', ...more] = files()
  expect(more).toEqual([])
  const lines = readFileSync(join(folder, name), 'utf8').trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).personId)).toEqual(['p1', 'p2', 'p3', 'p4', 'p5'])
})
