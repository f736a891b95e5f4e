import { isPassing } from '../database/clients.ts'
import { Refusal } from '../../shared/refusal.ts'
import { idempotencyStore } from './idempotency.ts'
import type { IntakeParts } from './parts.ts'
import { failRun, finishPush } from './push-batch.ts'
import { readEncoding, readKept } from './row-body.ts'
import { runStore } from './runs.ts'
import { Stopping, untilClosing } from './stopping.ts'
import { bodyStore } from './stored-bodies.ts'

/** Works off runs whose bodies are stored, and clears up behind processes that died. */
export interface StoredRuns {
  /** Begins a run now, without waiting for it: rings the queue where there is one. */
  begin(runId: string): void
  /** Works a run off in this process and waits for its end. Never throws. */
  work(runId: string): Promise<void>
  /** Takes up what was abandoned: stored bodies go on where they stopped, others have failed. */
  sweep(): Promise<void>
  /** What is under way stops at its next step and goes back to the queue. */
  close(): Promise<void>
}

export interface StoredRunsOptions {
  onFault: (error: unknown) => void
  /** Has a worker, of this process or another, work the run off; absent: this process does. */
  ring?: ((runId: string) => Promise<void>) | undefined
}

export function storedRuns(given: IntakeParts, { onFault, ring }: StoredRunsOptions): StoredRuns {
  const underWay = new Map<string, Promise<void>>()
  let isClosed = false
  const parts = { ...given, isClosing: () => isClosed }
  const work = (runId: string): Promise<void> => {
    const known = underWay.get(runId)
    if (known) return known
    if (isClosed) return Promise.resolve()
    const working = runStored(parts, runId)
      .catch(onFault)
      .finally(() => underWay.delete(runId))
    underWay.set(runId, working)
    return working
  }
  const begin = (runId: string): void => {
    if (ring && !isClosed) ring(runId).catch(onFault)
    else void work(runId)
  }
  return {
    begin,
    work,
    sweep: async () => {
      for (const { id, hasBody } of await runStore(parts.pool).abandoned()) {
        if (hasBody) begin(id)
        else await failAbandoned(parts, id)
      }
    },
    close: async () => {
      isClosed = true
      await Promise.all(underWay.values())
    },
  }
}

/** Without its whole body a run cannot go on by itself: its sender must send again. */
async function failAbandoned(parts: IntakeParts, runId: string): Promise<void> {
  await runStore(parts.pool).failAbandoned(runId, {
    code: 'unavailable',
    message:
      '处理进程中断;请用同一幂等键重新发送,已提交的批次不会重复 / The process was interrupted; send again with the same idempotency key, what was committed is not repeated',
  })
  await bodyStore(parts.pool).forget(runId)
}

async function runStored(parts: IntakeParts, runId: string): Promise<void> {
  const run = await runStore(parts.pool).take(runId, parts.holder)
  if (run === null) return
  const served = await parts.served(run.resource)
  if (served === null) {
    await failRun(
      parts,
      runId,
      new Refusal('state-conflict', '资源已下架 / The resource was withdrawn'),
    )
    await bodyStore(parts.pool).forget(runId)
    return
  }
  const bodies = bodyStore(parts.pool)
  const body = {
    bytes: untilClosing(parts, bodies.read(runId)),
    limits: { decodedBytesMax: parts.decodedBytesMax },
    ...readKept(run.mediaType),
    contentEncoding: readEncoding(run.contentEncoding),
  }
  const committed = await idempotencyStore(parts.pool).committed(runId)
  try {
    await finishPush(parts, { served, body, idempotency: null }, run, committed)
  } catch (error) {
    if (error instanceof Stopping) {
      await runStore(parts.pool).release(runId, parts.holder)
      return
    }
    if (isPassing(error)) throw error
  }
  await bodies.forget(runId)
}
