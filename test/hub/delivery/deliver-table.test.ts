import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTarget } from '../../../src/hub/delivery/deliver-run.ts'
import { deliveryLimits } from '../../../src/hub/delivery/limits.ts'
import type { CallLog } from '../../../src/hub/http/audit-call.ts'
import { purgeTombstones } from '../../../src/hub/records/purge-tombstones.ts'
import { RunStopped } from '../../../src/hub/syncs/run-work.ts'
import { Refusal } from '../../../src/shared/refusal.ts'
import { awayFromMidnight } from '../../support/midnight.ts'
import { publishDraft } from '../../support/resources.ts'
import { buildWorld, peopleDraft, person, type World } from '../sharing/support.ts'
import { crashPoints, Crash, dyingDoors } from './crashes.ts'
import {
  defineDelivery,
  deliver,
  demandRun,
  demandSync,
  failRun,
  openSubscriber,
  queueRun,
  type SubscriberStore,
  workRun,
} from './support.ts'

let world: World
let subscriber: SubscriberStore
const log = { isBroken: false }
const breakable = (real: CallLog): CallLog => ({
  ...real,
  append: (facts) =>
    log.isBroken ? Promise.reject(new Refusal('unavailable', 'no log')) : real.append(facts),
})

beforeAll(async () => {
  world = await buildWorld({ auditLog: breakable })
  subscriber = await openSubscriber()
})
afterAll(async () => {
  await subscriber.close()
  await world.hub.close()
})

/** A resource of its own, a grant to deliver it, and a delivery into a table of the same name. */
async function fresh(
  id: string,
  {
    grant = {},
    decision = {},
    draft = {},
    ...delivery
  }: {
    grant?: object
    decision?: Record<string, unknown>
    draft?: Record<string, unknown>
    columns?: Record<string, string>
    mode?: 'full' | 'incremental'
    context?: object
    limits?: object
  } = {},
) {
  await publishDraft(world.hub, peopleDraft(id, draft))
  const granted = await world.grant(
    { resource: id, operations: ['deliver'], fields: ['personId', 'name'], ...grant },
    decision,
  )
  const table = id.replaceAll('-', '_')
  const settings = { url: subscriber.url, table }
  await defineDelivery(world.hub, {
    id,
    resource: id,
    grant: granted,
    connector: 'postgres',
    settings,
    ...delivery,
  })
  return { id, table, grant: granted, rows: () => subscriber.rows(table) }
}
const small = { batchRowsMax: 2 }
const people = (count: number, more: object = {}) =>
  Array.from({ length: count }, (_, place) => person(`p${place + 1}`, { ...more }))
const moveGrant = (grant: string, action: string) =>
  world.call(world.hub.adminToken, 'POST', `/grants/${grant}/transitions`, {
    action,
    ground: 'misuse',
    reason: '核查',
  })
const deliveries = (runId: string) =>
  world.hub.entries.filter(
    ({ operation, runId: of }) => operation === 'records.deliver' && of === runId,
  )

test('the subscriber’s table holds the records as the grant shows them: fields, rows, masks, hidden keys', async () => {
  const { id, rows } = await fresh('shown', {
    draft: { key: ['number'] },
    grant: { fields: ['number', 'name', 'bornOn', 'height', 'homes'], rows: { division: ['A'] } },
    decision: { masks: { number: 'hash', 'homes.address': 'partial' } },
    columns: { name: 'xm' },
  })
  await world.push(id, [
    person('p1', { height: '1.80', homes: [{ unit: 'U1', owner: '张三', address: '幸福路一号' }] }),
    person('p2', { division: 'B' }),
  ])
  const { run } = await deliver(world.hub, id)
  expect(run.state).toBe('succeeded')
  expect(run.counts).toMatchObject({ read: 1, updated: 1, deleted: 0 })
  const [row, ...more] = await rows()
  expect(more).toEqual([])
  expect(row).toMatchObject({ bornOn: '1990-01-01', height: 1.8 })
  expect(row?.['_key']).toMatch(/^[\w-]{43}$/)
  expect(row?.['number']).toMatch(/^[\w-]{43}$/)
  expect(row?.['xm']).not.toBe('张三')
  // A hash may hold any three characters.
  const told = JSON.stringify(row).replaceAll(/"[\w-]{43}"/g, '')
  expect(told).not.toMatch(/Np1|幸福路一号|division/)
  expect(row?.['homes']).toMatchObject([{ unit: 'U1' }])
})

test('a record that changes is updated, one that leaves the grant’s rows or is deleted is deleted', async () => {
  const { id, rows } = await fresh('followed', { grant: { rows: { division: ['A'] } } })
  await world.push(id, people(4))
  await deliver(world.hub, id, small)
  await world.push(id, [person('p1', { name: '王五' }), person('p2', { division: 'B' })])
  await world.push(id, [{ personId: 'p3' }], 'delete')
  const { run } = await deliver(world.hub, id, small)
  expect(run.counts).toMatchObject({ read: 3, updated: 1, deleted: 2 })
  expect((await rows()).map((row) => row['_key'])).toEqual(['p1', 'p4'])
  const sync = await demandSync(world.hub, id)
  expect(sync).toMatchObject({ batchNumber: 4, generation: 1 })
  expect(sync.lastSuccessAt).not.toBeNull()
})

test('every batch has its audit entry, with the range, the run and what it was for', async () => {
  const { id, grant } = await fresh('logged')
  await world.push(id, people(5))
  const { run } = await deliver(world.hub, id, small)
  const entries = deliveries(run.id)
  expect(entries.map(({ rowCount }) => rowCount)).toEqual([2, 2, 1])
  expect(entries.map(({ sequenceRange }) => sequenceRange)).toEqual([
    { after: 0, through: 2 },
    { after: 2, through: 4 },
    { after: 4, through: 5 },
  ])
  expect(entries[0]).toMatchObject({
    outcome: 'allowed',
    system: 'desk',
    department: 'housing',
    operator: '李四',
    purpose: 'item-1',
    grantIds: [grant],
    fields: ['personId', 'name'],
    note: { delivery: id, batch: 1, target: 'postgres' },
  })
})

test('nothing is delivered that could not be logged', async () => {
  const { id, table } = await fresh('unlogged')
  await world.push(id, people(3))
  const runId = await queueRun(world.hub, id)
  log.isBroken = true
  await expect(workRun(world.hub, runId)).rejects.toMatchObject({ code: 'unavailable' })
  expect(await subscriber.query(`select * from ${table}`)).toEqual([])
  log.isBroken = false
  await workRun(world.hub, runId)
  expect(await subscriber.query(`select * from ${table}`)).toHaveLength(3)
})

test('a grant that is suspended between two batches ends the run with its code; what was delivered stays', async () => {
  const { id, grant, rows } = await fresh('suspended')
  await world.push(id, people(6))
  const runId = await queueRun(world.hub, id)
  let writes = 0
  const doors = {
    ...small,
    openTarget: async (...asked: Parameters<typeof openTarget>) => {
      const target = await openTarget(...asked)
      return {
        ...target,
        write: async (batch: Parameters<typeof target.write>[0]) => {
          await target.write(batch)
          writes += 1
          await moveGrant(grant, 'suspend')
        },
      }
    },
  }
  await expect(workRun(world.hub, runId, doors)).rejects.toMatchObject({ code: 'grant-suspended' })
  expect(writes).toBe(1)
  expect(await rows()).toHaveLength(2)
  expect(deliveries(runId).at(-1)).toMatchObject({
    outcome: 'denied',
    code: 'grant-suspended',
    system: 'desk',
  })
  await failRun(world.hub, runId)
  await moveGrant(grant, 'resume')
  await deliver(world.hub, id, small)
  expect(await rows()).toHaveLength(6)
})

test('a grant that was suspended elsewhere stops a process that was not told', async () => {
  const { id, grant, rows } = await fresh('untold')
  await world.push(id, people(6))
  const { knex } = world.hub.app.hub.database
  const doors = {
    ...small,
    openTarget: async (...asked: Parameters<typeof openTarget>) => {
      const target = await openTarget(...asked)
      return {
        ...target,
        write: async (batch: Parameters<typeof target.write>[0]) => {
          await target.write(batch)
          // No notification: only the reading SQL can know.
          await knex('hub.grants')
            .where({ id: grant })
            .update({ state: 'suspended' })
            .increment('version')
        },
      }
    },
  }
  await expect(deliver(world.hub, id, doors)).rejects.toMatchObject({ code: 'grant-suspended' })
  expect(await rows()).toHaveLength(2)
})

test('a grant that has ended, a disabled system, a withdrawn resource deliver nothing', async () => {
  const ended = await fresh('ended')
  await world.push(ended.id, people(1))
  const { knex } = world.hub.app.hub.database
  await knex('hub.grants')
    .where({ id: ended.grant })
    .update({ valid_until: new Date(Date.now() - 1000) })
  world.hub.app.hub.changes.tell('everything')
  await expect(deliver(world.hub, ended.id)).rejects.toMatchObject({ code: 'grant-expired' })
  await world.hub.makeSystem('gone', 'housing', 'business-system')
  const disabled = await fresh('disabled', { grant: { system: 'gone' } })
  await world.push(disabled.id, people(1))
  await world.call(world.hub.adminToken, 'POST', '/systems/gone/disable')
  const code = 'credentials-invalid'
  await expect(deliver(world.hub, disabled.id)).rejects.toMatchObject({ code })
  expect(world.hub.entries.at(-1)).toMatchObject({ outcome: 'denied', code, system: 'gone' })
  const withdrawn = await fresh('withdrawn')
  await world.push(withdrawn.id, people(1))
  await moveGrant(withdrawn.grant, 'terminate')
  const withdraw = { action: 'withdraw', comment: '停用' }
  const path = `/resources/${withdrawn.id}/transitions`
  expect((await world.call(world.hub.adminToken, 'POST', path, withdraw)).statusCode).toBe(200)
  await expect(deliver(world.hub, withdrawn.id)).rejects.toMatchObject({ code: 'not-found' })
  expect(
    await subscriber.query(
      `select from pg_class where relname in ('ended', 'disabled', 'withdrawn')`,
    ),
  ).toEqual([])
})

test('a delivery runs under its own grant alone, whatever else its system holds', async () => {
  const { id, grant } = await fresh('own-grant')
  await world.grant({
    resource: id,
    operations: ['deliver'],
    fields: ['personId', 'name', 'division'],
  })
  await world.push(id, people(1))
  await moveGrant(grant, 'suspend')
  await expect(deliver(world.hub, id)).rejects.toMatchObject({ code: 'grant-suspended' })
})

test('what the sync says it is for is demanded as of a call', async () => {
  const { id } = await fresh('unsaid', { context: {} })
  await expect(deliver(world.hub, id)).rejects.toMatchObject({ code: 'purpose-required' })
})

test('columns that name a field the grant does not show are refused', async () => {
  const { id } = await fresh('stray', { columns: { number: 'sfzh' } })
  await expect(deliver(world.hub, id)).rejects.toMatchObject({ code: 'field-not-granted' })
})

test('a quota that is used up sends the run back to the queue until midnight, and is no error at the end', async () => {
  await awayFromMidnight()
  const { id, rows } = await fresh('quota', { grant: { dailyQuota: 3 } })
  await world.push(id, people(5))
  const { outcome, run } = await deliver(world.hub, id, small)
  if (outcome.kind !== 'yielded' || !outcome.notBefore) throw new Error('not yielded')
  expect((outcome.notBefore.getTime() / 3_600_000 + 8) % 24).toBeLessThan(0.001)
  expect(run.lastError).toMatchObject({ code: 'quota-exceeded' })
  expect(await rows()).toHaveLength(3)
  const exact = await fresh('quota-exact', { grant: { dailyQuota: 4 } })
  await world.push(exact.id, people(4))
  expect((await deliver(world.hub, exact.id, small)).run.state).toBe('succeeded')
})

test('a full load deletes what older ones left, and applies what changed meanwhile', async () => {
  const { id, table, rows } = await fresh('reloaded')
  await world.push(id, people(5))
  await deliver(world.hub, id, small)
  await subscriber.query(
    `insert into ${table} select 'stray', _seq, _generation, _delivered_at, "personId", name from ${table} limit 1`,
  )
  const { run } = await deliver(world.hub, id, small, 'snapshot')
  expect((await rows()).map((row) => row['_key'])).toEqual(['p1', 'p2', 'p3', 'p4', 'p5'])
  expect(run.counts).toMatchObject({ read: 5, updated: 5 })
  expect(run.reconciliation?.note).toContain('1')
  expect((await demandSync(world.hub, id)).generation).toBe(2)
})

test('a follower whose cursor has expired is loaded in full', async () => {
  const { id, rows } = await fresh('expired')
  await world.push(id, people(3))
  await deliver(world.hub, id, small)
  await world.push(id, [{ personId: 'p2' }], 'delete')
  const { bulkPool, knex } = world.hub.app.hub.database
  const { number } = await knex('hub.resources').where({ id }).first('number')
  await purgeTombstones(bulkPool, number, new Date(Date.now() + 1000))
  const { run } = await deliver(world.hub, id, small)
  expect((await rows()).map((row) => row['_key'])).toEqual(['p1', 'p3'])
  expect(run.state).toBe('succeeded')
  expect((await demandSync(world.hub, id)).generation).toBe(2)
})

test('a subscriber that lost its table is given everything again', async () => {
  const { id, table, rows } = await fresh('lost')
  await world.push(id, people(3))
  await deliver(world.hub, id, small)
  await subscriber.query(`drop table ${table}`)
  await subscriber.query(`delete from shuqiao_deliveries where delivery = '${id}'`)
  await deliver(world.hub, id, small)
  expect(await rows()).toHaveLength(3)
})

test('a full load that failed is gone on with by the next run, and still deletes what is left over', async () => {
  const { id, rows } = await fresh('unfinished')
  await world.push(id, people(5))
  await deliver(world.hub, id, small)
  await world.push(id, [{ personId: 'p5' }], 'delete')
  const runId = await queueRun(world.hub, id, 'snapshot')
  await expect(workRun(world.hub, runId, dyingDoors('before-write', 2))).rejects.toThrow(Crash)
  await failRun(world.hub, runId)
  const { run } = await deliver(world.hub, id, small)
  expect(run.reconciliation).not.toBeNull()
  expect((await rows()).map((row) => row['_key'])).toEqual(['p1', 'p2', 'p3', 'p4'])
})

test.each(crashPoints)(
  'a process that dies %s leaves exactly the same table and the same counts',
  async (point) => {
    const { id, rows } = await fresh(`dies-${point}`)
    await world.push(id, people(5))
    const runId = await queueRun(world.hub, id)
    await expect(workRun(world.hub, runId, dyingDoors(point))).rejects.toThrow(Crash)
    await world.push(id, [person('p1', { name: '王五' }), person('p6')])
    const { run } = await workRun(world.hub, runId, small)
    expect(run.state).toBe('succeeded')
    expect((await rows()).map((row) => row['_key'])).toEqual(['p1', 'p2', 'p3', 'p4', 'p5', 'p6'])
    const { updated, read, deleted } = run.counts
    expect(read).toBe(updated + deleted)
    expect(updated).toBeGreaterThanOrEqual(6)
    const entries = deliveries(runId).filter(({ outcome }) => outcome === 'allowed')
    expect(entries.length).toBeGreaterThanOrEqual(run.batchCount)
    expect((await demandSync(world.hub, id)).batchNumber).toBe(run.batchCount)
  },
)

test('a process whose lease was taken over writes nothing more', async () => {
  const { id, rows } = await fresh('overtaken')
  await world.push(id, people(4))
  const runId = await queueRun(world.hub, id)
  let other: Promise<unknown> | null = null
  const slow = {
    ...small,
    openTarget: async (...asked: Parameters<typeof openTarget>) => {
      const target = await openTarget(...asked)
      return {
        ...target,
        write: async (batch: Parameters<typeof target.write>[0]) => {
          other ??= workRun(world.hub, runId, small)
          await other
          await target.write(batch)
        },
      }
    },
  }
  await expect(workRun(world.hub, runId, slow)).rejects.toSatisfy(
    (error) =>
      error instanceof RunStopped || (error instanceof Refusal && error.code === 'state-conflict'),
  )
  const run = await demandRun(world.hub, runId)
  expect(run).toMatchObject({ state: 'succeeded', counts: { updated: 4 } })
  expect(await rows()).toHaveLength(4)
})

test('a run that has to stop stops between two batches, and goes on where it was', async () => {
  const { id, rows } = await fresh('stopped')
  await world.push(id, people(5))
  const runId = await queueRun(world.hub, id)
  const stop = new AbortController()
  const doors = {
    ...small,
    openTarget: async (...asked: Parameters<typeof openTarget>) => {
      const target = await openTarget(...asked)
      return {
        ...target,
        write: async (batch: Parameters<typeof target.write>[0]) => {
          await target.write(batch)
          stop.abort(new RunStopped('closing'))
        },
      }
    },
  }
  await expect(workRun(world.hub, runId, doors, stop.signal)).rejects.toBeInstanceOf(RunStopped)
  expect(await rows()).toHaveLength(2)
  const { run } = await workRun(world.hub, runId, small)
  expect(run.counts.updated).toBe(5)
  expect(await rows()).toHaveLength(5)
})

test('two deliveries into one store keep to their own tables', async () => {
  const first = await fresh('side-one')
  const second = await fresh('side-two')
  await world.push(first.id, people(3))
  await world.push(second.id, [person('other')])
  await Promise.all([deliver(world.hub, first.id, small), deliver(world.hub, second.id, small)])
  await deliver(world.hub, second.id, small, 'snapshot')
  expect(await first.rows()).toHaveLength(3)
  expect((await second.rows()).map((row) => row['_key'])).toEqual(['other'])
})

test('a delivery outside its hours goes back to the queue after its batch', async () => {
  const { id } = await fresh('hours')
  await world.push(id, people(5))
  const runId = await queueRun(world.hub, id)
  // A minute that begins half a day from now, in Shanghai's time.
  const hour = String((new Date().getUTCHours() + 8 + 12) % 24).padStart(2, '0')
  const windows = [`${hour}:00-${hour}:01`]
  const doors = {
    ...small,
    openTarget: async (...asked: Parameters<typeof openTarget>) => {
      asked[1].sync.limits = { windows }
      return openTarget(...asked)
    },
  }
  const { outcome, run } = await workRun(world.hub, runId, doors)
  expect(outcome).toMatchObject({ kind: 'yielded' })
  expect(run.counts.updated).toBe(2)
})

test('a target that does not answer ends the run as unreachable, and its batch arrives once', async () => {
  const { id, rows } = await fresh('hanging', { limits: { noProgressSeconds: 0.5 } })
  await world.push(id, people(3))
  const runId = await queueRun(world.hub, id)
  let isHanging = true
  const doors = {
    ...small,
    openTarget: async (...asked: Parameters<typeof openTarget>) => {
      const target = await openTarget(...asked)
      return {
        ...target,
        write: async (batch: Parameters<typeof target.write>[0]) => {
          await target.write(batch)
          if (isHanging) await new Promise(() => undefined)
        },
      }
    },
  }
  await expect(workRun(world.hub, runId, doors)).rejects.toMatchObject({
    code: 'source-unreachable',
  })
  isHanging = false
  const { knex } = world.hub.app.hub.database
  await knex('hub.syncs').where({ id }).update({ limits: '{}' })
  const { run } = await workRun(world.hub, runId, doors)
  expect(run.counts.updated).toBe(3)
  expect(await rows()).toHaveLength(3)
})

test('a pace that is set is kept by batches of a second’s worth', async () => {
  const { id } = await fresh('paced', { limits: { rowsPerSecond: 3 } })
  await world.push(id, people(5))
  const { run } = await deliver(world.hub, id)
  expect(deliveries(run.id).map(({ rowCount }) => rowCount)).toEqual([3, 2])
})

test('a batch ends with the record that makes it too large', async () => {
  const { id } = await fresh('heavy', {
    grant: { fields: ['personId', 'homes'] },
    decision: { masks: { 'homes.address': 'none' } },
  })
  const homes = Array.from({ length: 50 }, (_, unit) => ({
    unit: `U${unit}`,
    owner: '张三',
    address: '幸福路一号院'.repeat(16),
  }))
  await world.push(id, people(600, { homes }))
  const { run } = await deliver(world.hub, id)
  expect(run.counts.updated).toBe(600)
  const [first, second] = deliveries(run.id)
  expect(first?.responseBytes).toBeGreaterThan(deliveryLimits.batchBytesMax - 1)
  expect(first?.responseBytes).toBeLessThan(deliveryLimits.batchBytesMax * 1.01)
  expect(second?.sequenceRange?.after).toBe(first?.sequenceRange?.through)
})
