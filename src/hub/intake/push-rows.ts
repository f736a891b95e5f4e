import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { todayInShanghai } from '../../shared/conditions.ts'
import { Refusal } from '../../shared/refusal.ts'
import { decodeRows, type RowMediaType } from '../../exchange/decode/decode-rows.ts'
import type { ContentEncoding } from '../../exchange/decode/decompress.ts'
import type { DecodeLimits } from '../../exchange/decode/limits.ts'
import type { UnmappedValue } from '../../exchange/mapping/index.ts'
import type { DecodedBlock, DecodedRow, RowOperation } from '../../exchange/types.ts'
import type { Batch } from './batch.ts'
import { createBatcher, type Batcher } from './batcher.ts'
import { columnWatch } from './column-watch.ts'
import { intakeResource, type IntakeResource } from './intake-resource.ts'
import { landingSession, type LandingSession } from './landing-session.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import type { RunMode, RunRow } from './run-rows.ts'
import { runStore } from './runs.ts'
import { addUnmapped } from './unmapped.ts'
import type { ServedResource } from '../catalog/served-resource.ts'

/** A body of rows on its way in: how it is written, and what to do with its rows. */
export interface RowBody {
  bytes: AsyncIterable<Uint8Array>
  mediaType: RowMediaType
  contentEncoding?: ContentEncoding
  charset?: string
  limits?: Partial<DecodeLimits>
}

/** A batch that an earlier, interrupted call of the same body has already committed. */
export interface CommittedBatch {
  number: number
  readCount: number
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
  const { mapping } = pipeline
  const flow = batchFlow(sessionFor(parts, push, resource, mapping.joins), push)
  const resume = resumption(push.committed)
  try {
    for await (const block of decoded) {
      watch.see(decoded.columns, block)
      const prefixDigest = digest.copy().digest()
      for (const row of resume.fresh(block, prefixDigest)) batcher.add(row)
      flow.sourceBytes(block.endByte, prefixDigest)
      if (flow.isFull(batcher.readCount)) await flow.hand(batcher.takeWhole())
      // A body that is at hand already would else be parsed on while the database waits for its next bytes.
      await turn()
    }
    resume.finish()
    if (batcher.readCount > 0) {
      await flow.hand(batcher.take())
    }
    await flow.settled()
  } catch (error) {
    // The batch under way commits or rolls back before the run is called failed.
    await flow.settled().catch(() => undefined)
    throw error
  } finally {
    await noteSeen(parts, push.run, { ...watch.seen(), unmapped: mapping.unmapped() })
  }
  return { bodyDigest: digest.digest() }
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

/** Also a run that failed tells its columns: its rejects are given back in them. */
const noteSeen = (
  parts: IntakeParts,
  run: RunRow,
  seen: { columns: string[] | null; drift: string[]; unmapped: UnmappedValue[] },
): Promise<unknown> =>
  runStore(parts.pool)
    .note(run.id, { ...seen, unmapped: addUnmapped(run.unmapped, seen.unmapped) })
    // What the run saw is told beside what it did: no reason to fail it.
    .catch(() => undefined)

/**
 * Skips what has been committed before, and refuses a body that differs there. A batch may have left the
 * last rows of its last block to the next one (rows that are joined): rows are counted, bytes compared.
 */
function resumption(committed: readonly CommittedBatch[]) {
  const left = [...committed]
  let committedRows = committed.reduce((sum, { readCount }) => sum + readCount, 0)
  return {
    /** The rows of the block that are not committed yet. */
    fresh: ({ rows, endByte }: DecodedBlock, prefixDigest: Buffer): DecodedRow[] => {
      for (let next = left[0]; next !== undefined && endByte >= next.endByte; next = left[0]) {
        if (endByte > next.endByte || !prefixDigest.equals(next.prefixDigest)) throw differs()
        left.shift()
      }
      const skipped = Math.min(committedRows, rows.length)
      committedRows -= skipped
      return skipped === 0 ? rows : rows.slice(skipped)
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
  // Of the bytes up to `endByte`: what stands behind the last row is no part of any batch.
  let prefixDigest: Buffer = Buffer.alloc(0)
  return {
    sourceBytes: (offset: number, digest: Buffer): void => {
      endByte = Math.max(offset, startByte)
      prefixDigest = digest
    },
    isFull: (readCount: number): boolean =>
      readCount >= intakeLimits.batchRowsMax || endByte - startByte >= intakeLimits.batchBytesMax,
    hand: async (batch: Batch): Promise<void> => {
      // All its rows are of one record, which goes on.
      if (batch.readCount === 0) return
      const toLand = { batch, endByte, prefixDigest }
      await landing
      number += 1
      startByte = endByte
      landing = session.land({ number, ...toLand })
      // A failure is met at the next `await landing`; until then nobody else may call it unhandled.
      landing.catch(() => undefined)
    },
    settled: async (): Promise<void> => {
      await landing
    },
  }
}
