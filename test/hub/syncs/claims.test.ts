import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimRun } from '../../../src/hub/syncs/claim-run.ts'
import { giveBack, retryPauseMs } from '../../../src/hub/syncs/release-run.ts'
import { findForgottenRuns } from '../../../src/hub/syncs/sweep-runs.ts'
import { windowState } from '../../../src/hub/syncs/windows.ts'
import { openQueueBench, type QueueBench } from '../queue/support.ts'

let bench: QueueBench
beforeAll(async () => {
  bench = await openQueueBench()
})
afterAll(() => bench.close())

const claim = async (id: string, holder = 'me'): Promise<string | undefined> =>
  (await claimRun(bench.pool, id, holder))?.kind
const expire = (id: string) =>
  bench.pool.query(`update hub.runs set leased_until = now() - interval '1 second' where id = $1`, [
    id,
  ])
const forgotten = async (): Promise<string[]> =>
  (await findForgottenRuns(bench.pool)).map(({ id }) => id)

describe('a claim', () => {
  test('is given to one of many who ask at once', async () => {
    const id = await bench.makeRun(await bench.makeSync('wanted'))
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, at) => claimRun(bench.pool, id, `holder ${at}`)),
    )
    expect(claims.filter((claim) => claim?.kind === 'claimed')).toHaveLength(1)
    expect(claims.filter((claim) => claim === null)).toHaveLength(7)
  })

  test('is given anew, under the same id, when its holder has died, and its checkpoint with it', async () => {
    const id = await bench.makeRun(await bench.makeSync('orphaned'))
    await claim(id, 'dead')
    await bench.pool.query(`update hub.runs set checkpoint = '{"at": 7}' where id = $1`, [id])
    expect(await claim(id, 'heir')).toBeUndefined()
    await expire(id)
    const taken = await claimRun(bench.pool, id, 'heir')
    expect(taken).toMatchObject({ kind: 'claimed', run: { id, checkpoint: { at: 7 } } })
    expect(
      await giveBack(bench.pool, { id, holder: 'dead' }, { notBefore: null, lane: 'small' }),
    ).toBe(false)
  })

  test('of a paused sync is refused and its run stays queued, one by hand too', async () => {
    const sync = await bench.makeSync('resting', { state: 'paused' })
    const runs = [await bench.makeRun(sync), await bench.makeRun(sync, { isAside: true })]
    for (const id of runs) expect(await claim(id)).toBeUndefined()
    expect(await forgotten()).not.toEqual(expect.arrayContaining([runs[0]]))
    await bench.pool.query(`update hub.syncs set state = 'active' where id = $1`, [sync])
    for (const id of runs) expect(await claim(id)).toBe('claimed')
  })

  test('of a second run waits, also while the first has no living holder', async () => {
    const sync = await bench.makeSync('one-at-a-time')
    const [first, second] = [await bench.makeRun(sync), await bench.makeRun(sync)]
    await claim(first)
    expect(await claim(second)).toBe('busy')
    await expire(first)
    expect(await claim(second)).toBe('busy')
    expect(await forgotten()).toContain(first)
    expect(await forgotten()).not.toContain(second)
  })

  test('never lets more runs at one store than its limit, whoever asks', async () => {
    const runs = await Promise.all(
      Array.from({ length: 8 }, async (_, at) =>
        bench.makeRun(
          await bench.makeSync(`crowd-${at}`, { origin: 'crowded', limits: { concurrency: 3 } }),
        ),
      ),
    )
    const claims = await Promise.all(runs.map((id) => claim(id)))
    expect(claims.filter((kind) => kind === 'claimed')).toHaveLength(3)
    expect(claims.filter((kind) => kind === 'busy')).toHaveLength(5)
    const other = await bench.makeRun(await bench.makeSync('elsewhere'))
    expect(await claim(other)).toBe('claimed')
  })

  test('lets four runs at one store where no sync says how many', async () => {
    const runs = await Promise.all(
      Array.from({ length: 6 }, async (_, at) =>
        bench.makeRun(await bench.makeSync(`plain-${at}`, { origin: 'plain' })),
      ),
    )
    const claims = await Promise.all(runs.map((id) => claim(id)))
    expect(claims.filter((kind) => kind === 'claimed')).toHaveLength(4)
  })

  test('outside its windows is put off to when the next one opens', async () => {
    const now = new Date()
    const hour = (ahead: number): string =>
      `${String((now.getUTCHours() + ahead) % 24).padStart(2, '0')}:00`
    const windows = [`${hour(3)}-${hour(4)}`]
    const id = await bench.makeRun(
      await bench.makeSync('nightly', { timezone: 'UTC', limits: { windows } }),
    )
    expect(await claim(id)).toBe('closed')
    const { state, startedAt, notBefore } = await bench.run(id)
    expect({ state, startedAt }).toEqual({ state: 'queued', startedAt: null })
    expect(notBefore?.slice(11, 16)).toBe(hour(3))
    expect(await forgotten()).not.toContain(id)
    expect(await claim(id)).toBe('busy')
  })

  test('of a run by hand beside the sync leaves the sync’s last run as it was', async () => {
    const sync = await bench.makeSync('with-aside')
    const live = await bench.makeRun(sync)
    const aside = await bench.makeRun(sync, { isAside: true })
    expect([await claim(live), await claim(aside)]).toEqual(['claimed', 'claimed'])
    const { rows } = await bench.pool.query('select last_run from hub.syncs where id = $1', [sync])
    expect(rows[0].last_run).toBe(live)
  })
})

describe('a window', () => {
  const at = (time: string, windows: string[]) =>
    windowState(windows, 'Asia/Shanghai', new Date(`2026-06-01T${time}+08:00`))

  test('goes over midnight and is closed at its last minute', () => {
    const windows = ['22:00-06:00']
    expect(at('21:59:59', windows)).toEqual({
      isOpen: false,
      changesAt: new Date('2026-06-01T22:00+08:00'),
    })
    expect(at('22:00:00', windows)).toEqual({
      isOpen: true,
      changesAt: new Date('2026-06-02T06:00+08:00'),
    })
    expect(at('05:59:59', windows).isOpen).toBe(true)
    expect(at('06:00:00', windows).isOpen).toBe(false)
  })

  test('of several, any will do; none at all is always open', () => {
    expect(at('12:30:00', ['01:00-02:00', '12:00-13:00']).isOpen).toBe(true)
    expect(at('14:00:00', ['01:00-02:00', '12:00-13:00']).changesAt).toEqual(
      new Date('2026-06-02T01:00+08:00'),
    )
    expect(windowState(undefined, null, new Date())).toEqual({ isOpen: true, changesAt: null })
    expect(at('12:00:00', ['00:00-00:00'])).toEqual({ isOpen: true, changesAt: null })
  })
})

test('pauses between attempts double from ten seconds up to ten minutes', () => {
  expect([1, 2, 3, 7, 8].map(retryPauseMs)).toEqual([10_000, 20_000, 40_000, 600_000, 600_000])
})
