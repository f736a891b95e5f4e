import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { todayInShanghai } from '../../shared/conditions.ts'
import { Refusal } from '../../shared/refusal.ts'
import { decodeRows, type RowMediaType } from '../../exchange/decode/decode-rows.ts'
import type { ContentEncoding } from '../../exchange/decode/decompress.ts'
import type { RowOperation } from '../../exchange/types.ts'
import { createBatcher, type Batch, type Batcher } from './batcher.ts'
import { columnWatch } from './column-watch.ts'
import { intakeResource, type IntakeResource } from './intake-resource.ts'
import { landingSession, type LandingSession } from './landing-session.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import { answeredReject, type AnsweredReject } from './reject-store.ts'
import { runStore, type RunMode, type RunRow } from './runs.ts'
import type { ServedResource } from '../catalog/served-resource.ts'

/** A body of rows on its way in: how it is written, and what to do with its rows. */
export interface RowBody {
  bytes: AsyncIterable<Uint8Array>
  mediaType: RowMediaType
  contentEncoding?: ContentEncoding
  charset?: string
}

/** A batch that an earlier, interrupted call of the same body has already committed. */
export interface CommittedBatch {
  number: number
  endByte: number
  prefixDigest: Buffer
}

export interface Push {
  run: RunRow
  served: ServedResource
  body: RowBody
  committed: readonly CommittedBatch[]
  notAfter?: string | null
}

export interface PushedBody {
  rejects: AnsweredReject[]
  /** SHA-256 of the decompressed body. */
  bodyDigest: Buffer
}

const forcedOperations: Record<RunMode, RowOperation | null> = {
  upsert: 'upsert',
  snapshot: 'upsert',
  delete: 'delete',
  changes: null,
}

export const batcherFor = (
  resource: IntakeResource,
  pipeline: ReturnType<IntakeResource['pipeline']>,
  mode: RunMode,
): Batcher =>
  createBatcher({
    pipeline,
    encode: resource.encode,
    hasVersions: resource.served.table.versionField !== null,
    today: todayInShanghai(new Date()),
    operation: forcedOperations[mode],
  })

/**
 * Puts a body's rows through the pipeline in batches, each one transaction; while one is merged the next
 * is parsed. Memory holds two batches at most. Resumes behind what an earlier call has committed, having
 * compared the digest of everything before; at the first difference it is `idempotency-conflict`.
 */
export async function pushRows(parts: IntakeParts, push: Push): Promise<PushedBody> {
  const resource = intakeResource(push.served)
  const pipeline = resource.pipeline(push.body.mediaType === 'text/csv' ? 'text' : 'json')
  const batcher = batcherFor(resource, pipeline, push.run.mode)
  const watch = columnWatch(pipeline.mapping, push.body.mediaType)
  const digest = createHash('sha256')
  const decoded = decodeRows(push.body.bytes, {
    ...push.body,
    onBytes: (chunk) => digest.update(chunk),
  })
  const flow = batchFlow(sessionFor(parts, push, resource, pipeline.mapping.joins), push)
  const resume = resumption(push.committed)
  try {
    for await (const block of decoded) {
      watch.see(decoded.columns, block)
      if (resume.skips(block.endByte, () => digest.copy().digest())) continue
      for (const row of block.rows) batcher.add(row)
      flow.sourceBytes(block.endByte)
      if (flow.isFull(batcher.readCount)) {
        await flow.hand(batcher.take(), block.endByte, digest.copy().digest())
      }
      // A body that is at hand already would else be parsed on while the database waits for its next bytes.
      await turn()
    }
    resume.finish()
    if (batcher.readCount > 0) {
      await flow.hand(batcher.take(), flow.endByte, digest.copy().digest())
    }
    await flow.settled()
  } catch (error) {
    // The batch under way commits or rolls back before the run is called failed.
    await flow.settled().catch(() => undefined)
    throw error
  }
  await runStore(parts.pool).note(push.run.id, {
    ...watch.seen(),
    unmapped: pipeline.mapping.unmapped(),
  })
  return { rejects: flow.rejects, bodyDigest: digest.digest() }
}

function sessionFor(
  parts: IntakeParts,
  { run, notAfter }: Push,
  resource: IntakeResource,
  joins: boolean,
): LandingSession {
  return landingSession(parts, {
    runId: run.id,
    resource,
    isDry: run.isDry,
    isSnapshot: run.mode === 'snapshot',
    joins,
    notAfter: notAfter ?? null,
    expectNew: run.startSeq === 0,
  })
}

/** Skips what has been committed before, and refuses a body that differs there. */
function resumption(committed: readonly CommittedBatch[]) {
  const left = [...committed]
  return {
    /** True while the block lies within committed batches. */
    skips: (endByte: number, digestSoFar: () => Buffer): boolean => {
      const next = left[0]
      if (next === undefined) return false
      if (endByte > next.endByte) throw differs()
      if (endByte === next.endByte) {
        if (!digestSoFar().equals(next.prefixDigest)) throw differs()
        left.shift()
      }
      return true
    },
    finish: (): void => {
      if (left.length > 0) throw differs()
    },
  }
}

const differs = (): Refusal =>
  new Refusal(
    'idempotency-conflict',
    '同一幂等键的内容与先前不同,未写入任何新内容 / This key was used for another body; nothing new was written',
  )

/** Hands batches to the session one at a time: the next is collected while the last is merged. */
function batchFlow(session: LandingSession, push: Push) {
  let number = push.committed.length
  let landing: Promise<unknown> = Promise.resolve()
  let startByte = push.committed.at(-1)?.endByte ?? 0
  let endByte = startByte
  const rejects: AnsweredReject[] = []
  return {
    rejects,
    get endByte() {
      return endByte
    },
    sourceBytes: (offset: number): void => {
      endByte = offset
    },
    isFull: (readCount: number): boolean =>
      readCount >= intakeLimits.batchRowsMax || endByte - startByte >= intakeLimits.batchBytesMax,
    hand: async (batch: Batch, atByte: number, prefixDigest: Buffer): Promise<void> => {
      const room = intakeLimits.answeredRejectsMax - rejects.length
      for (const reject of batch.rejects.slice(0, room)) rejects.push(answeredReject(reject))
      await landing
      number += 1
      startByte = atByte
      landing = session.land({ number, batch, endByte: atByte, prefixDigest })
      // A failure is met at the next `await landing`; until then nobody else may call it unhandled.
      landing.catch(() => undefined)
    },
    settled: async (): Promise<void> => {
      await landing
    },
  }
}
