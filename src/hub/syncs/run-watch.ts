import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '../../shared/refusal.ts'
import type { Log } from '../database/log.ts'
import type { RunRow } from '../intake/run-rows.ts'
import { watchLimits } from './watch-limits.ts'

/*
 *   nobody ──first follower──▶ polling ──row differs──▶ tells every follower
 *     ▲                            │
 *     └──── last follower leaves ──┴── the run has ended, or the hub stops: tells, and follows no more
 */

/** What a follower is told: the run's row, or that nothing has happened for a while. */
export type Sighting = { kind: 'run'; run: RunRow } | { kind: 'quiet' }

export interface RunWatch {
  /**
   * The run now, then at every change, until it has ended. Ends at once when `signal` aborts, and when the
   * watch closes. `unavailable` when too many follow already.
   */
  follow(run: RunRow, signal: AbortSignal): AsyncGenerator<Sighting>
  close(): void
}

export interface WatchParts {
  find(id: string): Promise<RunRow | null>
  log: Log
  /** Milliseconds between two looks at a run, and after which a follower is told that all is quiet. */
  pollMs?: number
  quietMs?: number
}

interface Watched {
  run: RunRow
  text: string
  followerCount: number
  /** Resolved, and made anew, with every change. */
  changed: PromiseWithResolvers<void>
}

const isOver = ({ state }: RunRow): boolean => state !== 'queued' && state !== 'running'

/** What all followers of one process share. */
interface Watching extends Required<WatchParts> {
  watched: Map<string, Watched>
  closing: AbortController
  followerCount: number
}

/** One poller for each run that is followed, however many follow it: PostgreSQL is asked twice a second. */
export function watchRuns(parts: WatchParts): RunWatch {
  const watching: Watching = {
    pollMs: watchLimits.eventPollMs,
    quietMs: watchLimits.eventHeartbeatMs,
    ...parts,
    watched: new Map(),
    closing: new AbortController(),
    followerCount: 0,
  }
  const { closing } = watching
  return {
    follow: (run, signal) => {
      const isFull = watching.followerCount >= watchLimits.eventStreamsMax
      if (isFull || closing.signal.aborted) throw tooMany()
      return follow(watching, run, signal)
    },
    close: () => closing.abort(),
  }
}

async function* follow(
  watching: Watching,
  run: RunRow,
  signal: AbortSignal,
): AsyncGenerator<Sighting> {
  const stop = AbortSignal.any([signal, watching.closing.signal])
  const one = join(watching, run)
  try {
    let told = ''
    while (!stop.aborted) {
      const { changed } = one
      if (one.text !== told) {
        told = one.text
        yield { kind: 'run', run: one.run }
      } else {
        const isChanged = await within(changed.promise, watching.quietMs, stop)
        if (!isChanged && !stop.aborted) yield { kind: 'quiet' }
      }
      if (told === one.text && isOver(one.run)) return
    }
  } finally {
    leave(watching, one)
  }
}

function join(watching: Watching, run: RunRow): Watched {
  watching.followerCount += 1
  const known = watching.watched.get(run.id)
  if (known) {
    known.followerCount += 1
    return known
  }
  const changed = Promise.withResolvers<void>()
  const one: Watched = { run, text: JSON.stringify(run), followerCount: 1, changed }
  watching.watched.set(run.id, one)
  void poll(watching, one)
  return one
}

function leave(watching: Watching, one: Watched): void {
  const { watched } = watching
  watching.followerCount -= 1
  one.followerCount -= 1
  if (one.followerCount === 0 && watched.get(one.run.id) === one) watched.delete(one.run.id)
}

async function poll(watching: Watching, one: Watched): Promise<void> {
  const { find, log, pollMs, watched, closing } = watching
  const { id } = one.run
  while (watched.get(id) === one && !isOver(one.run) && !closing.signal.aborted) {
    await sleep(pollMs, undefined, { signal: closing.signal }).catch(() => undefined)
    const found = await find(id).catch((error: unknown) => {
      log.warn({ err: error }, 'a watched run could not be looked at')
      return null
    })
    const text = JSON.stringify(found)
    if (found === null || text === one.text) continue
    Object.assign(one, { run: found, text })
    one.changed.resolve()
    one.changed = Promise.withResolvers()
  }
}

/** Whether it came about before the time was up or somebody stopped waiting. */
async function within(promise: Promise<void>, ms: number, signal: AbortSignal): Promise<boolean> {
  const ending = new AbortController()
  const over = sleep(ms, false, { signal: AbortSignal.any([signal, ending.signal]) }).catch(
    () => false,
  )
  try {
    return await Promise.race([promise.then(() => true), over])
  } finally {
    ending.abort()
  }
}

const tooMany = (): Refusal =>
  new Refusal('unavailable', '事件流过多,请稍后再试 / Too many event streams; try again shortly', {
    retryAfterSeconds: 10,
  })
