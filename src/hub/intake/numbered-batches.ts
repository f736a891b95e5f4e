import { createHash } from 'node:crypto'
import { decodeRows } from '../../exchange/decode/decode-rows.ts'
import type { UnmappedValue } from '../../exchange/mapping/index.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { Batch } from './batch.ts'
import type { Batcher } from './batcher.ts'
import { columnWatch } from './column-watch.ts'
import { commitSnapshot } from './commit-snapshot.ts'
import { intakeResource } from './intake-resource.ts'
import type { Landing } from './land-batch.ts'
import { landingSession } from './landing-session.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import { answerOf, endRun, firstRejects, keepLease, type PushAnswer } from './push-batch.ts'
import { batcherFor, type RowBody } from './push-rows.ts'
import { asAnswered, rejectStore, type AnsweredReject } from './reject-store.ts'
import type { RunRow } from './run-rows.ts'
import { committerOf, runStore, type SeenOfSource } from './runs.ts'
import { addUnmapped } from './unmapped.ts'

/** What one numbered batch answers; the same again when it is repeated. */
export interface NumberedAnswer {
  runId: string
  batch: number
  nextBatch: number
  counts: RunRow['counts']
  rejects: AnsweredReject[]
  lastSeq: number | null
}

type KeptAnswer = Omit<NumberedAnswer, 'rejects'>

export interface NumberedBatch {
  run: RunRow
  served: ServedResource
  number: number
  body: RowBody
}

/**
 * Lands one batch of a long load: the whole body in one transaction. Repeating one is answered like the
 * first time, having compared the body; a gap is `state-conflict`, and so is a load that has ended.
 */
export async function putBatch(parts: IntakeParts, put: NumberedBatch): Promise<NumberedAnswer> {
  const expected = put.run.nextBatch ?? 1
  if (put.number > expected) throw gap(put.number, expected)
  const collected = await collect(put)
  const answered = await findAnswer(parts, put, collected.bodyDigest)
  if (answered !== null) return answered
  if (put.run.state !== 'running') throw ended(put.run)
  try {
    return await landNumbered(parts, put, collected)
  } catch (error) {
    // Another call with this number may have won the race: then its answer is the answer.
    const raced = isDuplicate(error) ? await findAnswer(parts, put, collected.bodyDigest) : null
    if (raced !== null) return raced
    throw error
  }
}

const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505'

interface Collected {
  batch: Batch
  bodyDigest: Buffer
  endByte: number
  joins: boolean
  seen: SeenOfSource & { unmapped: UnmappedValue[] }
}

/** Decodes, maps and checks the body; it must fit one transaction. */
async function collect(put: NumberedBatch): Promise<Collected> {
  const resource = intakeResource(put.served)
  const pipeline = resource.pipeline(put.body.mediaType === 'text/csv' ? 'text' : 'json')
  const batcher = batcherFor(resource, pipeline, put.run.mode)
  const watch = columnWatch(pipeline.mapping, put.body.mediaType)
  const digest = createHash('sha256')
  let endByte = 0
  const decoded = decodeRows(put.body.bytes, {
    ...put.body,
    onBytes: (chunk) => digest.update(chunk),
  })
  for await (const block of decoded) {
    watch.see(decoded.columns, block)
    for (const row of block.rows) batcher.add(row)
    endByte = block.endByte
    guardSize(batcher, endByte)
  }
  const { joins, unmapped } = pipeline.mapping
  const batch = batcher.take()
  const seen = { ...watch.seen(), unmapped: unmapped(), mediaType: put.body.mediaType }
  return { batch, bodyDigest: digest.digest(), endByte, joins, seen }
}

function guardSize(batcher: Batcher, endByte: number): void {
  const { numberedBatchRowsMax, numberedBatchBytesMax } = intakeLimits
  if (batcher.readCount <= numberedBatchRowsMax && endByte <= numberedBatchBytesMax) return
  throw new Refusal(
    'payload-too-large',
    `一个批次最多 ${numberedBatchRowsMax} 行、${numberedBatchBytesMax} 字节,请拆分 ` +
      `/ A batch holds at most ${numberedBatchRowsMax} rows and ${numberedBatchBytesMax} bytes; split it`,
  )
}

async function findAnswer(
  parts: IntakeParts,
  { run, number }: NumberedBatch,
  bodyDigest: Buffer,
): Promise<NumberedAnswer | null> {
  const { rows } = await parts.pool.query<{ answer: KeptAnswer; body_digest: Buffer }>(
    'select answer, body_digest from hub.batches where run_id = $1 and number = $2',
    [run.id, number],
  )
  const [landed] = rows
  if (landed === undefined) return null
  if (landed.body_digest.equals(bodyDigest)) {
    return { ...landed.answer, rejects: await rejectsOf(parts, run.id, landed.answer) }
  }
  throw new Refusal(
    'idempotency-conflict',
    `批次 ${number} 已以另一内容提交 / Batch ${number} was sent with another body before`,
  )
}

/** The rejects are read back with their answer: they are personal data that lie sealed in one place only. */
async function rejectsOf(
  parts: IntakeParts,
  runId: string,
  { batch, counts }: KeptAnswer,
): Promise<AnsweredReject[]> {
  if (counts.rejected === 0) return []
  const before = (batch - 1) * lineRange
  const kept = await rejectStore(parts.pool, parts.vault).page(runId, {
    after: before,
    limit: intakeLimits.answeredRejectsMax,
  })
  return kept
    .filter(({ line }) => line <= before + lineRange)
    .map((reject) => ({ ...asAnswered(reject), line: reject.line - before }))
}

async function landNumbered(
  parts: IntakeParts,
  put: NumberedBatch,
  collected: Collected,
): Promise<NumberedAnswer> {
  const { run, number } = put
  const session = landingSession(parts, {
    runId: run.id,
    resource: intakeResource(put.served),
    isDry: run.isDry,
    isSnapshot: run.mode === 'snapshot',
    joins: collected.joins,
    notAfter: null,
    expectNew: run.startSeq === 0,
  })
  const answer = ({ counts, lastSeq }: Landing): KeptAnswer => ({
    runId: run.id,
    batch: number,
    nextBatch: number + 1,
    counts,
    lastSeq: lastSeq === 0 ? null : lastSeq,
  })
  const { columns, unmapped } = collected.seen
  await session.land({
    number,
    batch: numbered(collected.batch, number),
    endByte: collected.endByte,
    prefixDigest: null,
    bodyDigest: collected.bodyDigest,
    nextBatch: number + 1,
    answer,
    alongside: (client) =>
      runStore(client).note(run.id, {
        ...collected.seen,
        columns: columns && [...new Set([...(run.columns ?? []), ...columns])],
        drift: [...new Set([...(run.drift ?? []), ...collected.seen.drift])],
        unmapped: addUnmapped(run.unmapped, unmapped),
      }),
  })
  const landed = await findAnswer(parts, put, collected.bodyDigest)
  if (landed !== null) return landed
  throw new Error(`Batch ${number} of run ${run.id} has landed and left no answer`)
}

/** Lines count within their batch; in the run's rejects each batch has its own range of them. */
const numbered = (batch: Batch, number: number): Batch => ({
  ...batch,
  rejects: batch.rejects.map((reject) => ({
    ...reject,
    line: (number - 1) * lineRange + reject.line,
  })),
})

/** More than a batch has lines: line 7 of batch 3 is kept as 20,000,007. */
const lineRange = 10_000_000

/** Ends a long load: `succeeded` or `partial`; a snapshot becomes the whole now, behind its guards. */
export async function commitLoad(
  parts: IntakeParts,
  run: RunRow,
  served: ServedResource,
): Promise<PushAnswer> {
  if (run.state === 'succeeded' || run.state === 'partial') {
    return answerOf(run, await firstRejects(parts, run))
  }
  if (run.state !== 'running') throw ended(run)
  const committer = { ...parts, holder: committerOf(parts.holder) }
  const held = await runStore(parts.pool).holdForCommit(run.id, committer.holder)
  if (held === null) throw committing()
  const release = keepLease(committer, run.id)
  try {
    if (run.mode === 'snapshot') await commitSnapshot(committer, run, served)
    const row = await endRun(committer, run.id, async (whole) => whole)
    return answerOf(row, await firstRejects(parts, row))
  } finally {
    release()
    await runStore(parts.pool).endCommit(run.id, committer.holder)
  }
}

const committing = (): Refusal =>
  new Refusal(
    'state-conflict',
    '该次推送正在结束,请稍后重试 / The load is being committed; try again later',
    { retryAfterSeconds: 5 },
  )

/** A failed load may go on where it stopped. */
export async function reopenLoad(parts: IntakeParts, run: RunRow): Promise<RunRow> {
  const isFailedLoad = run.kind === 'load' && run.state === 'failed'
  const taken = isFailedLoad ? await runStore(parts.pool).take(run.id, parts.holder) : null
  if (taken !== null) return taken
  throw new Refusal(
    'state-conflict',
    '只有失败的长任务可以重试;推送请用同一幂等键重新发送 / Only a failed long load can be retried; send a push again with its idempotency key',
  )
}

const gap = (number: number, expected: number): Refusal =>
  new Refusal(
    'state-conflict',
    `批次须依次提交: 应为 ${expected},收到 ${number} / Batches come in order: ${expected} is next, got ${number}`,
  )

const ended = (run: RunRow): Refusal =>
  new Refusal('state-conflict', `该次运行已结束(${run.state}) / The run has ended (${run.state})`)
