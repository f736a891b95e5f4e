import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { runStore } from '../../../src/hub/intake/runs.ts'
import { syncLimits } from '../../../src/hub/syncs/limits.ts'
import { heeding } from '../../../src/hub/syncs/work-held.ts'
import { Refusal } from '../../../src/shared/refusal.ts'
import { type ClaimedRun, RunStopped } from '../../../src/hub/syncs/run-work.ts'
import {
  endingWork,
  gate,
  openQueueBench,
  type QueueBench,
  type TestProcess,
  until,
} from '../queue/support.ts'

let bench: QueueBench
const processes: TestProcess[] = []
beforeAll(async () => {
  bench = await openQueueBench()
})
afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.close()))
})
afterAll(() => bench.close())

const start = async (...given: Parameters<QueueBench['process']>): Promise<TestProcess> => {
  const process = await bench.process(...given)
  processes.push(process)
  return process
}
const ring = (process: TestProcess, id: string) =>
  process.queue.ring({ id, lane: 'small', priority: 5 })
const ended = (id: string) =>
  until(`the end of ${id}`, async () => {
    const run = await bench.run(id)
    return run.endedAt !== null && run
  })

describe('a run that is rung', () => {
  test('twice, by two processes, is worked off once', async () => {
    const worked: string[] = []
    const works = { pull: endingWork(bench.pool, (id) => worked.push(id)) }
    const [one, two] = [await start(works), await start(works)]
    const id = await bench.makeRun(await bench.makeSync('twice'))
    const again = { id, lane: 'small', priority: 5, isAgain: true } as const
    await Promise.all([ring(one, id), two.queue.ring(again), ring(two, id), one.queue.ring(again)])
    await ended(id)
    await ring(two, id)
    const probe = await bench.makeRun(await bench.makeSync('twice-probe'))
    await ring(one, probe)
    await ended(probe)
    expect(worked).toEqual([id, probe])
  })

  test('by nobody is found by the sweep', async () => {
    await start({ pull: endingWork(bench.pool) })
    const id = await bench.makeRun(await bench.makeSync('forgotten'))
    expect((await ended(id)).state).toBe('succeeded')
  })

  test('before its time waits for it', async () => {
    const process = await start({ pull: endingWork(bench.pool) })
    const sync = await bench.makeSync('early')
    const notBefore = new Date(Date.now() + 1500)
    const id = await bench.makeRun(sync, { notBefore })
    await ring(process, id)
    const run = await ended(id)
    expect(Date.parse(run.startedAt ?? '')).toBeGreaterThanOrEqual(notBefore.getTime())
  })
})

describe('what a work throws', () => {
  const failing = (error: () => unknown) => ({
    pull: async () => {
      throw error()
    },
  })

  test('an unreachable source sends the run back with a pause, its error told and its attempt counted', async () => {
    const process = await start(
      failing(() => new Refusal('source-unreachable', '连不上 / no connection')),
    )
    const id = await bench.makeRun(await bench.makeSync('unreachable'))
    const rungAt = Date.now()
    await ring(process, id)
    const run = await until('the retry', async () => {
      const run = await bench.run(id)
      return run.attempt === 1 && run.state === 'queued' && run
    })
    expect(run.lastError).toEqual({ code: 'source-unreachable', message: '连不上 / no connection' })
    expect(run.error).toBeNull()
    expect(Date.parse(run.notBefore ?? '')).toBeGreaterThan(rungAt + 5000)
  })

  test('the attempts are counted from where rows last landed, and the last one fails the run', async () => {
    const process = await start(failing(() => new Refusal('source-unreachable', '连不上')))
    const sync = await bench.makeSync('exhausted')
    const id = await bench.makeRun(sync)
    await bench.pool.query('update hub.runs set attempt = 8 where id = $1', [id])
    await ring(process, id)
    expect(await ended(id)).toMatchObject({
      state: 'failed',
      error: { code: 'source-unreachable' },
    })
    const { rows } = await bench.pool.query('select last_failure_at from hub.syncs where id = $1', [
      sync,
    ])
    expect(rows[0].last_failure_at).not.toBeNull()
    await process.close()

    const landing = await start({
      pull: async ({ run }: ClaimedRun) => {
        await bench.pool.query('update hub.runs set batch_count = batch_count + 1 where id = $1', [
          run.id,
        ])
        throw new Refusal('source-unreachable', '连不上')
      },
    })
    const other = await bench.makeRun(await bench.makeSync('landing'))
    await bench.pool.query('update hub.runs set attempt = 8 where id = $1', [other])
    await ring(landing, other)
    const run = await until('the retry', async () => {
      const run = await bench.run(other)
      return run.state === 'queued' && run.batchCount === 1 && run
    })
    expect(run.attempt).toBe(1)
  })

  test('any other refusal fails the run at once, with its own words', async () => {
    const process = await start(failing(() => new Refusal('state-conflict', '资源已下架')))
    const id = await bench.makeRun(await bench.makeSync('refused'))
    await ring(process, id)
    const run = await ended(id)
    expect(run).toMatchObject({
      state: 'failed',
      attempt: 0,
      error: { code: 'state-conflict', message: '资源已下架' },
    })
  })

  test('a bug fails the run and tells nothing of itself', async () => {
    const process = await start(failing(() => new TypeError('secret of the code')))
    const id = await bench.makeRun(await bench.makeSync('bug'))
    await ring(process, id)
    const run = await ended(id)
    expect(run.error?.code).toBe('internal')
    expect(run.error?.message).not.toContain('secret')
  })
})

describe('a run under way', () => {
  const heeding =
    (begun: () => void) =>
    async ({ signal }: ClaimedRun): Promise<never> => {
      begun()
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    }

  test('stops when it is cancelled, and stays cancelled', async () => {
    const begun = gate()
    let why: unknown
    const process = await start({
      pull: async (claimed: ClaimedRun) => {
        claimed.signal.addEventListener('abort', () => (why = claimed.signal.reason))
        return heeding(begun.open)(claimed)
      },
    })
    const id = await bench.makeRun(await bench.makeSync('cancelled'))
    await ring(process, id)
    await begun.opened
    await runStore(bench.pool).cancel(id)
    expect(await until('the stop', () => why)).toMatchObject({ why: 'cancelled' })
    expect((await bench.run(id)).state).toBe('cancelled')
  })

  test('goes back to the queue when its process stops, and on elsewhere at once', async () => {
    const begun = gate()
    const first = await start({ pull: heeding(begun.open) })
    const id = await bench.makeRun(await bench.makeSync('closing'))
    await ring(first, id)
    await begun.opened
    const second = await start({ pull: endingWork(bench.pool) })
    await first.close()
    const run = await ended(id)
    expect(run).toMatchObject({ state: 'succeeded', attempt: 0, lastError: null })
    await second.close()
  })

  test('that yields goes on in the other lane', async () => {
    const lanes: string[] = []
    const process = await start({
      pull: async (claimed: ClaimedRun) => {
        lanes.push(claimed.run.lane)
        return claimed.run.lane === 'small'
          ? { kind: 'yielded', notBefore: null, lane: 'large' }
          : endingWork(bench.pool)(claimed)
      },
    })
    const id = await bench.makeRun(await bench.makeSync('yielding'))
    await ring(process, id)
    expect((await ended(id)).state).toBe('succeeded')
    expect(lanes).toEqual(['small', 'large'])
  })

  test('keeps the second run of its sync waiting, which begins when it ends', async () => {
    const begun = gate()
    const end = gate()
    let underWay = 0
    let most = 0
    const process = await start({
      pull: endingWork(bench.pool, async () => {
        underWay += 1
        most = Math.max(most, underWay)
        begun.open()
        await end.opened
        underWay -= 1
      }),
    })
    const sync = await bench.makeSync('one-only')
    const [first, second] = [await bench.makeRun(sync), await bench.makeRun(sync)]
    await ring(process, first)
    await begun.opened
    await ring(process, second)
    await process.working.sweep()
    expect((await bench.run(second)).state).toBe('queued')
    end.open()
    await Promise.all([ended(first), ended(second)])
    expect(most).toBe(1)
  })

  test('does not keep a backfill of its sync waiting', async () => {
    const begun = gate()
    const end = gate()
    const process = await start({
      pull: endingWork(bench.pool, async (id) => {
        if (id !== live) return
        begun.open()
        await end.opened
      }),
    })
    const sync = await bench.makeSync('beside')
    const live = await bench.makeRun(sync)
    await ring(process, live)
    await begun.opened
    const aside = await bench.makeRun(sync, { isAside: true })
    await ring(process, aside)
    expect((await ended(aside)).state).toBe('succeeded')
    expect((await bench.run(live)).state).toBe('running')
    end.open()
    await ended(live)
  })
})

test('a work that does not heed its signal loses its place after a while, one that is never told to stop keeps it', async () => {
  vi.useFakeTimers()
  try {
    const never = new Promise<string>(() => undefined)
    const told = new AbortController()
    let ignored = 0
    const waiting = heeding(never, told.signal, () => (ignored += 1))
    const caught = waiting.catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(10 * syncLimits.heedMsMax)
    expect(ignored).toBe(0)
    told.abort(new RunStopped('lease-lost'))
    await vi.advanceTimersByTimeAsync(syncLimits.heedMsMax - 1)
    expect(ignored).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(await caught).toMatchObject({ why: 'lease-lost' })
    expect(ignored).toBe(1)
  } finally {
    vi.useRealTimers()
  }
})
