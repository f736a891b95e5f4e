import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  healthOf,
  type OpenRun,
  type Standing,
  type WatchedSync,
} from '../../../src/hub/syncs/health.ts'
import { openSyncHub, pullDraft, type SyncHub } from './route-support.ts'

const now = new Date('2026-11-22T12:00:00Z')
const ago = (minutes: number): string => new Date(now.getTime() - minutes * 60_000).toISOString()
const hour = 60
const day = 24 * hour

const sync = (more: Partial<WatchedSync> = {}): WatchedSync => ({
  direction: 'pull',
  state: 'active',
  pausedFor: null,
  silentAfterHours: null,
  cron: '0 * * * *',
  position: null,
  nextDueAt: ago(-30),
  lastSuccessAt: ago(30),
  lastRowAt: ago(30),
  createdAt: ago(400 * day),
  ...more,
})
const lastRun = { id: 'r', state: 'succeeded', error: null, rejected: 0 } as const
const standing = (more: Partial<Standing> = {}): Standing => ({
  lastRun,
  openRun: null,
  lastSeq: 0,
  updateCycle: 'daily',
  checkpoint: null,
  ...more,
})
const openRun = (more: Partial<OpenRun> = {}): OpenRun => ({
  id: 'o',
  state: 'queued',
  scheduledAt: null,
  createdAt: ago(0),
  notBefore: null,
  attempt: 0,
  lastError: null,
  ...more,
})
const health = (
  of: Partial<WatchedSync> = {},
  by: Partial<Standing> = {},
  periodMs: number | null = 3_600_000,
) => healthOf(sync(of), standing(by), { now, periodMs: () => periodMs })
const error = { code: 'source-unreachable', message: '数据源不可达' }

describe('how a sync is', () => {
  test('healthy when its last run went well and nothing is due', () => {
    expect(health()).toEqual({ state: 'healthy', reason: null, lag: 1800 })
    expect(health({}, { lastRun: { ...lastRun, state: 'partial', rejected: 3 } }).state).toBe(
      'healthy',
    )
  })

  test('waiting when it has never run, running while it runs', () => {
    expect(health({ lastSuccessAt: null }, { lastRun: null })).toMatchObject({
      state: 'waiting',
      lag: null,
    })
    expect(health({}, { openRun: openRun({ state: 'running' }) }).state).toBe('running')
  })

  test('failing until a run ends well, whatever else there is to say, but for a pause', () => {
    const failed = { lastRun: { ...lastRun, state: 'failed', error } } as const
    const overdue = { nextDueAt: ago(5 * day), lastRowAt: ago(90 * day) }
    expect(health(overdue, failed)).toMatchObject({ state: 'failing', reason: error.message })
    expect(health({}, { ...failed, openRun: openRun({ state: 'running' }) }).state).toBe('failing')
    expect(health({ state: 'paused', pausedFor: '升级' }, failed)).toMatchObject({
      state: 'paused',
      reason: '升级',
    })
  })

  test('failing while a run is tried again and again', () => {
    const retried = openRun({ attempt: 2, lastError: error, notBefore: ago(-5) })
    expect(health({}, { openRun: retried })).toMatchObject({
      state: 'failing',
      reason: expect.stringContaining('已重试 2 次'),
    })
  })

  test('late once its time has passed by two minutes, or by a tenth of its period', () => {
    expect(health({ nextDueAt: ago(2) }).state).toBe('healthy')
    expect(health({ nextDueAt: ago(6) }).state).toBe('healthy')
    expect(health({ nextDueAt: ago(7) }).state).toBe('late')
    expect(health({ nextDueAt: ago(3) }, {}, 60_000).state).toBe('late')
    expect(health({ nextDueAt: ago(2 * hour) }, {}, day * 60_000).state).toBe('healthy')
    expect(health({ nextDueAt: ago(3 * hour) }, {}, day * 60_000).state).toBe('late')
    expect(health({ nextDueAt: ago(7) }).reason).toContain('7')
  })

  test('late too when its run waits in the queue, unless it may not begin yet', () => {
    const due = { nextDueAt: ago(-30) }
    const waiting = openRun({ scheduledAt: ago(10), createdAt: ago(10) })
    expect(health(due, { openRun: waiting }).state).toBe('late')
    expect(health(due, { openRun: { ...waiting, notBefore: ago(-1) } }).state).toBe('healthy')
    expect(health({ nextDueAt: ago(10) }, { openRun: openRun({ state: 'running' }) }).state).toBe(
      'running',
    )
  })

  test.each([
    ['realtime', 24],
    ['daily', 48],
    ['weekly', 9 * 24],
    ['monthly', 35 * 24],
  ] as const)(
    'silent when a source of cycle %s gives nothing for %d hours',
    (updateCycle, hours) => {
      const quietFor = (minutes: number) =>
        health({ lastRowAt: ago(minutes) }, { updateCycle }).state
      expect(quietFor(hours * hour)).toBe('healthy')
      expect(quietFor(hours * hour + 1)).toBe('silent')
    },
  )

  test('silent by its own limit, from its making where it never gave a row, and never by hand only', () => {
    expect(health({ lastRowAt: ago(3 * hour), silentAfterHours: 2 }).state).toBe('silent')
    expect(health({ lastRowAt: ago(90 * day), silentAfterHours: 8784 }).state).toBe('healthy')
    expect(health({ lastRowAt: null, createdAt: ago(3 * day) }).state).toBe('silent')
    expect(health({ lastRowAt: null, createdAt: ago(day) }).state).toBe('healthy')
    expect(health({ lastRowAt: ago(900 * day) }, { updateCycle: 'irregular' }).state).toBe(
      'healthy',
    )
    expect(health({ lastRowAt: ago(900 * day), cron: null, nextDueAt: null }).state).toBe('healthy')
  })

  test('a delivery lags by the changes that it has not delivered', () => {
    const of = {
      direction: 'deliver',
      position: { seq: 40, base: 0 },
      lastRowAt: ago(900 * day),
    } as const
    expect(health(of, { lastSeq: 100 })).toMatchObject({ state: 'healthy', lag: 60 })
    expect(health({ ...of, position: null }, { lastSeq: 100 }).lag).toBe(100)
    expect(health(of, { lastSeq: 0 }).lag).toBe(0)
  })
})

describe('over HTTP', () => {
  let world: SyncHub
  beforeAll(async () => {
    world = await openSyncHub()
    for (const id of ['late-one', 'silent-one', 'failing-one', 'fine']) {
      const schedule = { cron: '*/5 * * * *', timezone: 'Asia/Shanghai' }
      await world.operator('POST', '/syncs', pullDraft(id, world.sourceUrl, { schedule }))
    }
    const run = `insert into hub.runs (id, resource, kind, mode, state, department, sync, is_aside, ended_at,
      error, read_count, rejected_count)
      values (gen_random_uuid(), 'things', 'pull', 'changes', $1, 'provider', $2, $3, now(), $4, 3, 3)`

    await world.sql(run, ['failed', 'failing-one', false, JSON.stringify(error)])
    await world.sql(run, ['partial', 'fine', false, null])
    await world.sql(run, ['partial', 'silent-one', false, null])
    // A check that failed says nothing about the live sync.
    await world.sql(run, ['failed', 'fine', true, JSON.stringify(error)])
    await world.sql(
      `update hub.syncs set next_due_at = now() - interval '1 day' where id = 'late-one'`,
    )
    await world.sql(`update hub.syncs set last_success_at = now() - interval '100 seconds',
      last_row_at = case id when 'fine' then now() else now() - interval '3 days' end
      where id in ('silent-one', 'fine')`)
  })
  afterAll(() => world.close())

  test('syncs are found by how they are', async () => {
    const idsOf = async (state: string): Promise<string[]> => {
      const { body } = await world.operator('GET', `/syncs?health=${state}`)
      return body.items.map(({ id }: { id: string }) => id)
    }
    expect(await idsOf('late')).toEqual(['late-one'])
    expect(await idsOf('silent')).toEqual(['silent-one'])
    expect(await idsOf('failing')).toEqual(['failing-one'])
    expect(await idsOf('healthy')).toEqual(['fine'])
    expect(await idsOf('paused')).toEqual([])
  })

  test('metrics tell each sync’s lag, rejects and health', async () => {
    const { body } = await world.hub.call('GET', '/metrics', { address: '127.0.0.1' })
    const value = (name: string, id: string): number | undefined => {
      const found = new RegExp(`^${name}\\{sync="${id}"\\} (\\S+)$`, 'm').exec(body)?.[1]
      return found === undefined ? undefined : Number(found)
    }
    expect(value('shuqiao_sync_health', 'failing-one')).toBe(1)
    expect(value('shuqiao_sync_health', 'late-one')).toBe(2)
    expect(value('shuqiao_sync_health', 'fine')).toBe(6)
    expect(value('shuqiao_sync_rejects', 'fine')).toBe(3)
    expect(value('shuqiao_sync_rejects', 'late-one')).toBeUndefined()
    expect(value('shuqiao_sync_lag_seconds', 'fine')).toBeGreaterThanOrEqual(100)
    expect(value('shuqiao_sync_success_age_seconds', 'late-one')).toBeUndefined()
    expect(body).toContain('0 paused, 1 failing, 2 late')
  })
})
