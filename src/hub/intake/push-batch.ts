import { createHash } from 'node:crypto'
import type pg from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import { decodeLimits } from '../../exchange/decode/limits.ts'
import { decompressed } from '../../exchange/decode/decompress.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import { commitSnapshot } from './commit-snapshot.ts'
import { idempotencyStore, keyInFlight, keyReused, type KnownKey } from './idempotency.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import { isPassing } from '../database/clients.ts'
import { inTransaction } from '../database/connect.ts'
import { pushRows, type CommittedBatch, type RowBody } from './push-rows.ts'
import { rejectStore, type AnsweredReject } from './reject-store.ts'
import { runStore, type NewRun, type RunRow } from './runs.ts'

/** What a push answers. */
export interface PushAnswer {
  runId: string
  state: RunRow['state']
  counts: RunRow['counts']
  rejects: AnsweredReject[]
  lastSeq: number | null
}

export interface PushRequest {
  run: Omit<NewRun, 'kind' | 'state'>
  served: ServedResource
  body: RowBody
  /** The caller's idempotency key with what it stands for: path, query and media type. */
  idempotency: { scope: string; key: string; request: string } | null
}

export interface Pushed {
  answer: PushAnswer
  isReplayed: boolean
}

/** Pushes a body as one run: opens it, lands its rows, ends it. */
export async function pushBatch(parts: IntakeParts, request: PushRequest): Promise<Pushed> {
  if (request.idempotency === null) {
    const run = await runStore(parts.pool).open({ ...request.run, kind: 'push', state: 'running' }, parts.holder)
    return { answer: await finishPush(parts, request, run, []), isReplayed: false }
  }
  return pushOnce(parts, request, request.idempotency)
}

async function pushOnce(
  parts: IntakeParts,
  request: PushRequest,
  idempotency: NonNullable<PushRequest['idempotency']>,
): Promise<Pushed> {
  const keys = idempotencyStore(parts.pool)
  const { scope, key } = idempotency
  const requestDigest = createHash('sha256').update(idempotency.request).digest()
  const known = await keys.find(scope, key)
  if (known !== null && !known.requestDigest.equals(requestDigest)) throw keyReused()
  if (known !== null && known.bodyDigest !== null) return replayAnswer(request, known)
  const run =
    known === null
      ? await claimKey(parts, request, { scope, key, requestDigest })
      : await takeUp(parts, known.runId)
  const committed = known === null ? [] : await keys.committed(run.id)
  return { answer: await finishPush(parts, request, run, committed), isReplayed: false }
}

async function claimKey(
  parts: IntakeParts,
  request: PushRequest,
  claim: { scope: string; key: string; requestDigest: Buffer },
): Promise<RunRow> {
  const run = await runStore(parts.pool).open({ ...request.run, kind: 'push', state: 'running' }, parts.holder)
  if (await idempotencyStore(parts.pool).claim({ ...claim, runId: run.id })) return run
  await runStore(parts.pool).cancel(run.id)
  throw keyInFlight()
}

/** An interrupted run goes on under its own id; one that another process holds is in flight. */
async function takeUp(parts: IntakeParts, runId: string): Promise<RunRow> {
  const runs = runStore(parts.pool)
  const taken = await runs.take(runId, parts.holder)
  if (taken !== null) return taken
  const run = await runs.find(runId)
  if (run?.state === 'cancelled') {
    throw new Refusal('state-conflict', '该次运行已取消,请换一个幂等键 / The run was cancelled; use a new key')
  }
  throw keyInFlight()
}

/** The whole body is read again and compared: a key never vouches for a body that was not seen. */
async function replayAnswer(request: PushRequest, known: KnownKey): Promise<Pushed> {
  const digest = createHash('sha256')
  const { bytes, contentEncoding = 'identity' } = request.body
  for await (const chunk of decompressed(bytes, contentEncoding, decodeLimits.decodedBytesMax)) {
    digest.update(chunk)
  }
  if (!digest.digest().equals(known.bodyDigest as Buffer)) throw keyReused()
  return { answer: known.answer as PushAnswer, isReplayed: true }
}

/** While rows land slowly, the run's holder keeps saying that it lives. */
function keepLease(parts: IntakeParts, runId: string): () => void {
  const timer = setInterval(() => {
    runStore(parts.pool)
      .extendLease(runId, parts.holder)
      // A missed extension only matters if all of them fail, and then another process is right to take over.
      .catch(() => undefined)
  }, intakeLimits.leaseMs / 3)
  return () => clearInterval(timer)
}

export async function finishPush(
  parts: IntakeParts,
  request: Pick<PushRequest, 'served' | 'body' | 'idempotency'>,
  run: RunRow,
  committed: readonly CommittedBatch[],
): Promise<PushAnswer> {
  const release = keepLease(parts, run.id)
  try {
    const pushed = await pushRows(parts, { run, served: request.served, body: request.body, committed })
    if (run.mode === 'snapshot' && !run.isDry) await commitSnapshot(parts, run, request.served)
    const rejects = committed.length > 0 ? await firstRejects(parts, run.id) : pushed.rejects
    return await endRun(parts, run.id, (ended, client) => {
      const answer = answerOf(ended, rejects)
      return keepAnswer(client, request.idempotency, { answer, bodyDigest: pushed.bodyDigest })
    })
  } catch (error) {
    await failRun(parts, run.id, error)
    throw error
  } finally {
    release()
  }
}

/** Ends a run well and whatever belongs to it in one transaction, so that an answer kept is an answer given. */
export function endRun<T>(
  parts: IntakeParts,
  runId: string,
  alongside: (ended: RunRow, client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return inTransaction(parts.pool, async (client) => {
    const ended = await runStore(client).succeed(runId)
    if (ended === null) throw new Refusal('state-conflict', '该次运行已取消 / The run was cancelled')
    return alongside(ended, client)
  })
}

async function keepAnswer(
  client: pg.PoolClient,
  idempotency: PushRequest['idempotency'],
  kept: { answer: PushAnswer; bodyDigest: Buffer },
): Promise<PushAnswer> {
  if (idempotency !== null) {
    const { scope, key } = idempotency
    await idempotencyStore(client).complete(scope, key, kept.bodyDigest, kept.answer)
  }
  return kept.answer
}

/** A resumed run's answer names the rejects of its earlier batches too. */
export async function firstRejects(parts: IntakeParts, runId: string): Promise<AnsweredReject[]> {
  const kept = await rejectStore(parts.pool, parts.vault).page(runId, {
    after: 0,
    limit: intakeLimits.answeredRejectsMax,
  })
  return kept.map(({ line, key, field, code, message, reasons }) => ({
    line,
    ...(key !== undefined && { key }),
    field,
    code,
    message,
    reasons,
  }))
}

export const answerOf = (run: RunRow, rejects: AnsweredReject[]): PushAnswer => ({
  runId: run.id,
  state: run.state,
  counts: run.counts,
  rejects,
  lastSeq: run.lastSeq,
})

/**
 * What landed before stays; the run says why it ended. While the database is away nothing is said: the
 * run's lease ends, and the sweep takes it up again or ends it.
 */
export async function failRun(parts: IntakeParts, runId: string, error: unknown): Promise<void> {
  if (isPassing(error)) return
  const refusal =
    error instanceof Refusal
      ? { code: error.code, message: error.message }
      : { code: 'internal', message: '内部错误,请稍后重试 / Internal error; try again later' }
  // The database may be what failed: the sweep will then find the run by its lease.
  await runStore(parts.pool)
    .fail(runId, refusal)
    .catch(() => null)
}
