import { createHash } from 'node:crypto'
import { decodeRows } from '../../exchange/decode/decode-rows.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { Batch, Batcher } from './batcher.ts'
import { columnWatch } from './column-watch.ts'
import { commitSnapshot } from './commit-snapshot.ts'
import { intakeResource } from './intake-resource.ts'
import type { Landing } from './land-batch.ts'
import { landingSession } from './landing-session.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import { answerOf, endRun, firstRejects, type PushAnswer } from './push-batch.ts'
import { batcherFor, type RowBody } from './push-rows.ts'
import { answeredReject, type AnsweredReject } from './reject-store.ts'
import { runStore, type RunRow } from './runs.ts'

/** What one numbered batch answers; the same again when it is repeated. */
export interface NumberedAnswer {
  runId: string
  batch: number
  nextBatch: number
  counts: RunRow['counts']
  rejects: AnsweredReject[]
  lastSeq: number | null
}

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
  return { batch: batcher.take(), bodyDigest: digest.digest(), endByte, joins: pipeline.mapping.joins }
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
  const { rows } = await parts.pool.query<{ answer: NumberedAnswer; body_digest: Buffer }>(
    'select answer, body_digest from hub.batches where run_id = $1 and number = $2',
    [run.id, number],
  )
  const [landed] = rows
  if (landed === undefined) return null
  if (landed.body_digest.equals(bodyDigest)) return landed.answer
  throw new Refusal(
    'idempotency-conflict',
    `批次 ${number} 已以另一内容提交 / Batch ${number} was sent with another body before`,
  )
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
  const rejects = collected.batch.rejects
    .slice(0, intakeLimits.answeredRejectsMax)
    .map(answeredReject)
  const answer = ({ counts, lastSeq }: Landing): NumberedAnswer => ({
    runId: run.id,
    batch: number,
    nextBatch: number + 1,
    counts,
    rejects,
    lastSeq: lastSeq === 0 ? null : lastSeq,
  })
  const landing = await session.land({
    number,
    batch: numbered(collected.batch, number),
    endByte: collected.endByte,
    prefixDigest: null,
    bodyDigest: collected.bodyDigest,
    nextBatch: number + 1,
    answer,
  })
  return (await findAnswer(parts, put, collected.bodyDigest)) ?? answer(landing)
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
    return answerOf(run, await firstRejects(parts, run.id))
  }
  if (run.state !== 'running') throw ended(run)
  if (run.mode === 'snapshot' && !run.isDry) await commitSnapshot(parts, run, served)
  const rejects = await firstRejects(parts, run.id)
  return endRun(parts, run.id, async (row) => answerOf(row, rejects))
}

/** A failed load may go on where it stopped. */
export async function reopenLoad(parts: IntakeParts, run: RunRow): Promise<RunRow> {
  const taken = run.kind === 'load' ? await runStore(parts.pool).take(run.id, parts.holder) : null
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
  new Refusal(
    'state-conflict',
    `该次运行已结束(${run.state}) / The run has ended (${run.state})`,
  )
