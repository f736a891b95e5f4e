import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunRow } from '../../../src/hub/intake/run-rows.ts'
import { type Sighting, watchRuns } from '../../../src/hub/syncs/run-watch.ts'
import { watchLimits } from '../../../src/hub/syncs/watch-limits.ts'
import { silentLog } from '../../../src/hub/database/log.ts'
import { openSyncHub, pullDraft, type SyncHub } from './route-support.ts'

interface StreamEvent {
  id?: string
  event?: string
  data?: { state: string; progress: { rows: number } }
}

/** Reads an event stream as a browser does. */
async function* eventsOf(response: Response): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block
          .split('\n')
          .map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]),
      )
      if (fields['event'] === undefined) continue
      yield { ...fields, data: JSON.parse(fields['data'] ?? 'null') }
    }
  }
}

describe('a run as server-sent events', () => {
  let world: SyncHub
  let base: string
  let token: string
  beforeAll(async () => {
    world = await openSyncHub()
    base = await world.hub.app.listen({ host: '127.0.0.1', port: 0 })
    token = await world.hub.makeStaff('watcher', ['operator'], 'provider')
  })
  afterAll(() => world.close())

  async function startRun(id: string): Promise<string> {
    await world.operator('POST', '/syncs', pullDraft(id, world.sourceUrl))
    return (await world.operator('POST', `/syncs/${id}/runs`, {})).body.id
  }
  const open = (id: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${base}/v1/runs/${id}/events`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
  const set = (id: string, sql: string) =>
    world.sql(`update hub.runs set ${sql} where id = $1`, [id])

  test('tells the run, each change, and the end; all who listen are told the same', async () => {
    const id = await startRun('told')
    const responses = await Promise.all([open(id), open(id)])
    const [first, second] = responses.map(eventsOf)
    if (!first || !second) throw new Error('no stream')
    expect(responses[0]?.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(responses[0]?.headers.get('cache-control')).toBe('no-store')
    const { value: begun } = await first.next()
    expect(begun).toMatchObject({ event: 'run', data: { state: 'queued', sync: 'told' } })
    await set(id, `state = 'running', started_at = now(), read_count = 5, unchanged_count = 5`)
    const { value: running } = await first.next()
    expect(running).toMatchObject({ data: { state: 'running', progress: { rows: 5 } } })
    await set(id, `state = 'succeeded', ended_at = now()`)
    expect((await first.next()).value).toMatchObject({ event: 'run', data: { state: 'succeeded' } })
    expect((await first.next()).value).toEqual({ event: 'end', data: { state: 'succeeded' } })
    expect((await first.next()).done).toBe(true)
    const others = await Array.fromAsync(second)
    expect(others.map(({ data }) => data?.state)).toEqual([
      'queued',
      'running',
      'succeeded',
      'succeeded',
    ])
    const audited = world.hub.entries.filter(({ operation }) => operation === 'runs.watch')
    expect(audited.map(({ runId }) => runId)).toEqual([id, id])
  })

  test('goes on behind the last event that the caller has', async () => {
    const id = await startRun('resumed')
    await set(id, `state = 'failed', ended_at = now()`)
    const [run, end] = await Array.fromAsync(eventsOf(await open(id)))
    expect(run).toMatchObject({ event: 'run', id: expect.any(String) })
    expect(end).toMatchObject({ event: 'end' })
    const again = await open(id, { 'last-event-id': run?.id ?? '' })
    expect(await Array.fromAsync(eventsOf(again))).toEqual([end])
    const older = await open(id, { 'last-event-id': 'something-older' })
    expect((await Array.fromAsync(eventsOf(older))).length).toBe(2)
  })

  test('is for those who may see the run', async () => {
    const id = await startRun('private')
    expect((await world.stranger('GET', `/runs/${id}/events`)).body.code).toBe('not-found')
    expect((await world.hub.call('GET', `/v1/runs/${id}/events`)).statusCode).toBe(401)
  })

  test('ends when its caller has gone, and when the hub stops', async () => {
    const id = await startRun('left')
    const leaving = new AbortController()
    const gone = await fetch(`${base}/v1/runs/${id}/events`, {
      headers: { authorization: `Bearer ${token}` },
      signal: leaving.signal,
    })
    await eventsOf(gone).next()
    expect(world.hub.app.hub.inFlight.count).toBe(1)
    leaving.abort()
    while (world.hub.app.hub.inFlight.count > 0) await sleep(10)
    const stream = eventsOf(await open(id))
    await stream.next()
    const closed = world.hub.app.close()
    expect((await stream.next()).done).toBe(true)
    await closed
  })
})

describe('watching runs', () => {
  const run = (more: Partial<RunRow> = {}) => ({ id: 'r', state: 'running', ...more }) as RunRow
  const never = new AbortController().signal

  test('asks once for all who follow a run, and no more when the last has left', async () => {
    let looks = 0
    const watch = watchRuns({
      find: async () => ((looks += 1), run({ attempt: looks })),
      log: silentLog,
      pollMs: 1,
    })
    const followers = [watch.follow(run(), never), watch.follow(run(), never)]
    for (const follower of followers) await follower.next()
    const seen = await Promise.all(followers.map((follower) => follower.next()))
    expect(seen[0]?.value).toEqual(seen[1]?.value)
    for (const follower of followers) await follower.return(undefined)
    const before = looks
    await sleep(30)
    expect(looks - before).toBeLessThanOrEqual(1)
    watch.close()
  })

  test('says so when all is quiet, and goes on when a look fails', async () => {
    let isBroken = true
    const watch = watchRuns({
      find: async () => {
        if (isBroken) throw new Error('the database is away')
        return run({ state: 'succeeded' })
      },
      log: silentLog,
      pollMs: 1,
      quietMs: 5,
    })
    const follower = watch.follow(run(), never)
    await follower.next()
    expect((await follower.next()).value).toEqual({ kind: 'quiet' })
    isBroken = false
    const rest: Sighting[] = await Array.fromAsync(follower)
    expect(rest.at(-1)).toMatchObject({ kind: 'run', run: { state: 'succeeded' } })
  })

  test('refuses more streams than the limit, and makes room when one ends', async () => {
    const watch = watchRuns({ find: async () => run(), log: silentLog, pollMs: 1000 })
    const followers = Array.from({ length: watchLimits.eventStreamsMax }, () =>
      watch.follow(run(), never),
    )
    await Promise.all(followers.map((follower) => follower.next()))
    expect(() => watch.follow(run(), never)).toThrow(
      expect.objectContaining({ code: 'unavailable' }),
    )
    await followers[0]?.return(undefined)
    expect(() => watch.follow(run(), never)).not.toThrow()
    watch.close()
    expect(await Promise.all(followers.slice(1).map((follower) => follower.next()))).toEqual(
      followers.slice(1).map(() => ({ done: true, value: undefined })),
    )
  })
})
