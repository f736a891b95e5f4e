import { isPassing } from '../database/clients.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { RowMediaType } from '../../exchange/decode/decode-rows.ts'
import type { ContentEncoding } from '../../exchange/decode/decompress.ts'
import { idempotencyStore } from './idempotency.ts'
import type { IntakeParts } from './parts.ts'
import { failRun, finishPush } from './push-batch.ts'
import { runStore } from './runs.ts'
import { bodyStore } from './stored-bodies.ts'

/** Works off runs whose bodies are stored, and clears up behind processes that died. */
export interface StoredRuns {
  /** Begins a run now, without waiting for it. */
  begin(runId: string): void
  /** Takes up what was abandoned: stored bodies go on where they stopped, others have failed. */
  sweep(): Promise<void>
  /** Waits for what is under way. */
  close(): Promise<void>
}

export function storedRuns(parts: IntakeParts, onFault: (error: unknown) => void): StoredRuns {
  const underWay = new Map<string, Promise<void>>()
  let isClosed = false
  const begin = (runId: string): void => {
    if (isClosed || underWay.has(runId)) return
    const work = runStored(parts, runId)
      .catch(onFault)
      .finally(() => underWay.delete(runId))
    underWay.set(runId, work)
  }
  return {
    begin,
    sweep: async () => {
      for (const { id, hasBody } of await runStore(parts.pool).abandoned()) {
        if (hasBody) begin(id)
        else await failRun(parts, id, interrupted())
      }
    },
    close: async () => {
      isClosed = true
      await Promise.all(underWay.values())
    },
  }
}

const interrupted = (): Refusal =>
  new Refusal(
    'unavailable',
    '处理进程中断;请用同一幂等键重新发送,已提交的批次不会重复 / The process was interrupted; send again with the same idempotency key, what was committed is not repeated',
  )

async function runStored(parts: IntakeParts, runId: string): Promise<void> {
  const run = await runStore(parts.pool).take(runId, parts.holder)
  if (run === null) return
  const served = await parts.served(run.resource)
  if (served === null) {
    await failRun(parts, runId, new Refusal('state-conflict', '资源已下架 / The resource was withdrawn'))
    return
  }
  const bodies = bodyStore(parts.pool)
  const [type = '', charset] = (run.mediaType ?? '').split(';charset=')
  const body = {
    bytes: bodies.read(runId),
    mediaType: type as RowMediaType,
    contentEncoding: (run.contentEncoding ?? 'identity') as ContentEncoding,
    ...(charset !== undefined && { charset }),
  }
  const committed = await idempotencyStore(parts.pool).committed(runId)
  try {
    await finishPush(parts, { served, body, idempotency: null }, run, committed)
  } catch (error) {
    if (isPassing(error)) throw error
  }
  await bodies.forget(runId)
}
