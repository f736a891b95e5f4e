import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkSchedule, nextDue } from '../../../src/hub/syncs/due-times.ts'
import { runIdOf } from '../../../src/hub/syncs/run-ids.ts'
import { makeDueRuns, startScheduling } from '../../../src/hub/syncs/schedule-runs.ts'
import { silentLog } from '../../../src/hub/database/log.ts'
import type { RungRun } from '../../../src/hub/queue/run-queue.ts'
import { openQueueBench, type QueueBench, until } from '../queue/support.ts'

const after = (text: string): Date => new Date(text)
const due = (cron: string, zone: string, from: string): string | undefined =>
  nextDue(cron, zone, after(from))?.toISOString()

/** Every time of the expression between the two instants. */
function timesBetween(cron: string, zone: string, [from, to]: readonly [string, string]): string[] {
  const times: string[] = []
  for (let at = nextDue(cron, zone, after(from)); at && at < after(to);) {
    times.push(at.toISOString())
    at = nextDue(cron, zone, at)
  }
  return times
}

describe('a schedule', () => {
  test('comes once on a day whose clocks skip its time, moved by as much', () => {
    // In New York 02:00 to 03:00 of 8 March 2026 does not exist.
    const days = ['2026-03-07T12:00:00Z', '2026-03-10T00:00:00Z'] as const
    expect(timesBetween('30 2 * * *', 'America/New_York', days)).toEqual([
      '2026-03-08T07:30:00.000Z',
      '2026-03-09T06:30:00.000Z',
    ])
  })

  test('comes once on a day that has its time twice', () => {
    // In New York 01:00 to 02:00 of 1 November 2026 comes twice.
    const days = ['2026-10-31T12:00:00Z', '2026-11-03T00:00:00Z'] as const
    expect(timesBetween('30 1 * * *', 'America/New_York', days)).toEqual([
      '2026-11-01T05:30:00.000Z',
      '2026-11-02T06:30:00.000Z',
    ])
  })

  test('for every hour leaves no hole and comes never twice at one instant where clocks change', () => {
    for (const day of ['2026-11-01', '2026-03-08']) {
      const times = timesBetween('*/30 * * * *', 'America/New_York', [
        `${day}T03:59:59Z`,
        `${day}T10:00:00Z`,
      ])
      const gaps = times.slice(1).map((time, at) => Date.parse(time) - Date.parse(times[at] ?? ''))
      expect(new Set(gaps)).toEqual(new Set([1_800_000]))
      expect(times).toHaveLength(12)
    }
  })

  test('is read in its own zone, which in Shanghai has no summer time', () => {
    expect(due('0 2 * * *', 'Asia/Shanghai', '2026-06-30T17:59:59Z')).toBe(
      '2026-06-30T18:00:00.000Z',
    )
    expect(due('0 2 * * *', 'Asia/Shanghai', '2026-06-30T18:00:00Z')).toBe(
      '2026-07-01T18:00:00.000Z',
    )
  })

  test('never comes at the instant asked from, even with seconds', () => {
    expect(due('*/15 * * * * *', 'UTC', '2026-01-01T00:00:15Z')).toBe('2026-01-01T00:00:30.000Z')
    expect(due('59 59 23 31 12 *', 'UTC', '2026-12-31T23:59:59Z')).toBe('2027-12-31T23:59:59.000Z')
  })

  test('for 29 February comes in the next leap year, for 31 February never', () => {
    expect(due('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z')).toBe('2028-02-29T00:00:00.000Z')
    expect(nextDue('0 0 31 2 *', 'UTC', after('2026-01-01T00:00:00Z'))).toBeNull()
  })

  test('that cannot be read, and a zone that is unknown, are told by their place', () => {
    const pointers = (cron: string, timezone: string) =>
      checkSchedule({ cron, timezone }).map(({ pointer }) => pointer)
    expect(pointers('0 2 * * *', 'Asia/Shanghai')).toEqual([])
    expect(pointers('61 2 * * *', 'Asia/Shanghai')).toEqual(['/schedule/cron'])
    expect(pointers('0 0 31 2 *', 'Mars/Olympus')).toEqual(['/schedule/timezone', '/schedule/cron'])
    expect(nextDue('nonsense', 'UTC', new Date())).toBeNull()
    expect(nextDue('0 2 * * *', 'Mars/Olympus', new Date())).toBeNull()
  })
})

test('the id of a scheduled run is one for a sync and a time, and sorts by the time', () => {
  const at = after('2026-05-01T02:00:00Z')
  expect(runIdOf('a', at)).toBe(runIdOf('a', at))
  expect(runIdOf('a', at)).not.toBe(runIdOf('b', at))
  expect(runIdOf('a', at)).not.toBe(runIdOf('a', after('2026-05-01T02:00:01Z')))
  expect(runIdOf('a', at)).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  )
  expect(Number.parseInt(runIdOf('a', at).replaceAll('-', '').slice(0, 12), 16)).toBe(at.getTime())
})

describe('the scheduler', () => {
  let bench: QueueBench
  beforeAll(async () => {
    bench = await openQueueBench()
  })
  afterAll(() => bench.close())

  const nextDueOf = async (id: string): Promise<string | null> => {
    const { rows } = await bench.pool.query('select next_due_at from hub.syncs where id = $1', [id])
    return rows[0].next_due_at && new Date(rows[0].next_due_at).toISOString()
  }
  const nightly = { cron: '0 2 * * *', timezone: 'UTC' }

  test('makes one run for a time, however many look at it at once', async () => {
    const dueAt = after('2026-05-01T02:00:00Z')
    const sync = await bench.makeSync('many-schedulers', { ...nightly, nextDueAt: dueAt })
    const now = after('2026-05-01T02:00:00.500Z')
    await Promise.all(Array.from({ length: 6 }, () => makeDueRuns(bench.pool, now)))
    const runs = await bench.runsOf(sync)
    expect(runs.map(({ id }) => id)).toEqual([runIdOf(sync, dueAt)])
    expect(runs[0]).toMatchObject({ state: 'queued', kind: 'pull', mode: 'changes', lane: 'small' })
    expect(await nextDueOf(sync)).toBe('2026-05-02T02:00:00.000Z')
  })

  test('that looks again at a time whose run has ended makes no second one', async () => {
    const dueAt = after('2026-05-01T02:00:00Z')
    const sync = await bench.makeSync('seen', { ...nightly, nextDueAt: dueAt })
    await makeDueRuns(bench.pool, dueAt)
    await bench.pool.query(`update hub.runs set state = 'succeeded' where sync = $1`, [sync])
    await bench.pool.query('update hub.syncs set next_due_at = $2 where id = $1', [sync, dueAt])
    await makeDueRuns(bench.pool, dueAt)
    expect(await bench.runsOf(sync)).toHaveLength(1)
  })

  test('makes up for whatever was missed with one run', async () => {
    const sync = await bench.makeSync('missed', {
      ...nightly,
      cron: '*/5 * * * *',
      nextDueAt: after('2026-05-01T02:00:00Z'),
    })
    await makeDueRuns(bench.pool, after('2026-05-03T07:01:00Z'))
    await makeDueRuns(bench.pool, after('2026-05-03T07:01:01Z'))
    expect(await bench.runsOf(sync)).toHaveLength(1)
    expect(await nextDueOf(sync)).toBe('2026-05-03T07:05:00.000Z')
  })

  test('adds none while one of the sync is queued, and none for a paused sync', async () => {
    const dueAt = after('2026-05-01T02:00:00Z')
    const waiting = await bench.makeSync('waiting', { ...nightly, nextDueAt: dueAt })
    await bench.makeRun(waiting)
    const paused = await bench.makeSync('paused', { ...nightly, nextDueAt: dueAt, state: 'paused' })
    await makeDueRuns(bench.pool, dueAt)
    expect(await bench.runsOf(waiting)).toHaveLength(1)
    expect(await nextDueOf(waiting)).toBe('2026-05-02T02:00:00.000Z')
    expect(await bench.runsOf(paused)).toHaveLength(0)
    expect(await nextDueOf(paused)).toBe(dueAt.toISOString())
  })

  test('looks by itself, and of two processes one makes the run and rings for it', async () => {
    const dueAt = after('2026-05-01T02:00:00Z')
    const sync = await bench.makeSync('by-itself', { ...nightly, nextDueAt: dueAt })
    const rung: string[] = []
    const queue = {
      ringAll: async (runs: readonly RungRun[]) => {
        rung.push(...runs.map(({ id }) => id))
      },
    }
    const parts = { pool: bench.pool, queue, clock: { now: () => dueAt }, log: silentLog }
    const processes = [startScheduling(parts), startScheduling(parts)]
    await until('the ring', () => rung.length > 0)
    await Promise.all(processes.map((process) => process.close()))
    expect(rung).toEqual([runIdOf(sync, dueAt)])
    expect(await bench.runsOf(sync)).toHaveLength(1)
  })
})
