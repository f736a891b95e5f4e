import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { firstIdOf } from '../../../../src/hub/audit/search.ts'
import {
  readSealLag,
  type SealLag,
  sealLagLimits,
  shareOfLimits,
} from '../../../../src/hub/audit/sealed/seal-lag.ts'
import { sealingWarnings, stopWhenBehind } from '../../../../src/hub/audit/sealed/watch-lag.ts'
import { createTestDatabase } from '../../../support/database.ts'
import { buildWorld, freshResource, type World } from '../../sharing/support.ts'
import { sealBeside, untilSealed } from './support.ts'

const none: SealLag = { unsealedEntries: 0, waitingSeconds: 0, checkpointSize: 0 }
const { unsealedEntriesMax, waitingSecondsMax } = sealLagLimits
/** What the watch has read last. */
const watch: { lag: SealLag | null } = { lag: null }
let world: World
let resource: Awaited<ReturnType<ReturnType<typeof freshResource>>>

beforeAll(async () => {
  world = await buildWorld({ auditLog: (log) => stopWhenBehind(log, watch) })
  resource = await freshResource(world)('late')
})
afterAll(() => world.hub.close())

const calls = {
  'a read': () => resource.read('p1'),
  'a read of nobody': () => resource.read('nobody'),
  'a list': () => resource.ask('records/list', { where: { division: 'A' } }),
  'a query': () => resource.ask('records/query', { keys: ['p1', 'nobody'] }),
  'a verification': () => resource.ask('verify', { key: 'p1', claims: { bornOn: '1990-01-01' } }),
  changes: () => world.ask('GET', '/resources/late/changes'),
} as const

describe('at the limit of what may wait to be sealed', () => {
  test.each(Object.entries(calls))(
    '%s hands out nothing, and is logged as refused',
    async (_, call) => {
      watch.lag = { ...none, unsealedEntries: unsealedEntriesMax - 1 }
      const before = await call()
      expect([200, 404]).toContain(before.statusCode)
      for (const late of [
        { unsealedEntries: unsealedEntriesMax },
        { waitingSeconds: waitingSecondsMax },
      ]) {
        watch.lag = { ...none, ...late }
        const answer = await call()
        expect([answer.statusCode, answer.json().code]).toEqual([503, 'unavailable'])
        expect(answer.headers['retry-after']).toBe('30')
        // The day, not the year alone: four digits may stand by chance in the problem's id.
        expect(answer.body).not.toMatch(/p1|1990-01|张|match/)
        expect(world.hub.entries.at(-1)).toMatchObject({ outcome: 'failed', code: 'unavailable' })
        expect(answer.headers['x-audit-id']).toBeDefined()
      }
      watch.lag = none
      expect((await call()).statusCode).toBe(before.statusCode)
    },
  )

  test('whoever runs the hub can still work: grants, staff, the log itself', async () => {
    watch.lag = { ...none, waitingSeconds: 2 * waitingSecondsMax }
    const grants = await world.call(world.hub.adminToken, 'GET', '/grants')
    const entries = await world.call(world.hub.adminToken, 'GET', '/audit/entries')
    expect([grants.statusCode, entries.statusCode]).toEqual([200, 200])
    await world.push('late', [{ personId: 'p9', number: 'N9', name: '赵六', division: 'A' }])
    watch.lag = none
  })
})

describe('readiness', () => {
  test.each([
    [{}, null],
    [{ unsealedEntries: 0.69 * unsealedEntriesMax }, null],
    [{ unsealedEntries: 0.7 * unsealedEntriesMax }, /密封滞后.*sealer/],
    [{ waitingSeconds: 0.7 * waitingSecondsMax }, /sealed late: 0 entries, the oldest for 420 s/],
    [{ waitingSeconds: waitingSecondsMax }, /已暂停提供数据.*no data is given out/],
  ])('with %j warns of %s', async (late, text) => {
    const warnings = await sealingWarnings({ lag: { ...none, ...late } })
    expect(warnings).toHaveLength(text === null ? 0 : 1)
    if (text !== null) expect(warnings[0]).toMatch(text)
    expect(await sealingWarnings({ lag: null })).toEqual([])
  })
})

describe('the lag', () => {
  test('counts what waits, from when its oldest entry was made', async () => {
    const own = await createTestDatabase()
    const { pool } = own.database
    expect(await readSealLag(pool)).toEqual(none)
    const agoSeconds = 500
    const ids = [agoSeconds, 20, 0].map((ago) =>
      firstIdOf(new Date(Date.now() - ago * 1000).toISOString()),
    )
    await pool.query('insert into audit.pending select * from unnest($1::uuid[])', [ids])
    const lag = await readSealLag(pool)
    expect(lag).toMatchObject({ unsealedEntries: 3, checkpointSize: 0 })
    expect(lag.waitingSeconds).toBeGreaterThanOrEqual(agoSeconds)
    expect(shareOfLimits(lag)).toBeGreaterThan(0.7)
    await own.drop()
  })

  test('is none once all is sealed, and an idle log is not late when a call comes again', async () => {
    const { pool } = world.hub.app.hub.database
    const sealer = await sealBeside(world.hub)
    const size = await untilSealed(pool)
    await sealer.close()
    expect(await readSealLag(pool)).toEqual({
      unsealedEntries: 0,
      waitingSeconds: 0,
      checkpointSize: size,
    })
    const ancient = firstIdOf('2020-01-01T00:00:00Z')
    await pool.query('insert into audit.pending values ($1)', [ancient])
    const { unsealedEntries, waitingSeconds } = await readSealLag(pool)
    expect(unsealedEntries).toBe(1)
    expect(waitingSeconds).toBeLessThan(waitingSecondsMax)
  })
})
