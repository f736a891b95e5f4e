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
import { asAnswered, rejectStore, type AnsweredReject } from './reject-store.ts'
import type { NewRun, RunRow } from './run-rows.ts'
import { runStore } from './runs.ts'
import { forgetSnapshot } from './snapshot-rows.ts'
import { Stopping } from './stopping.ts'
import { bodyStore } from './stored-bodies.ts'

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
  const { idempotency } = request
  if (idempotency === null) {
    const run = await runStore(parts.pool).open(newRun(request, 'running'), parts.holder)
    return { answer: await finishPush(parts, request, run, []), isReplayed: false }
  }
  const known = await findKey(parts, idempotency)
  if (known === null) {
    const run = await claimKey(parts, request, idempotency)
    return { answer: await finishPush(parts, request, run, []), isReplayed: false }
  }
  const before = await runStore(parts.pool).find(known.runId)
  if (before !== null && known.bodyDigest !== null && before.state !== 'failed') {
    await demandSameBody(request.body, known.bodyDigest)
    if (!hasEndedWell(before)) throw keyInFlight()
    return { answer: answerOf(before, await firstRejects(parts, before)), isReplayed: true }
  }
  const run = await takeUp(parts, known.runId)
  const committed = await idempotencyStore(parts.pool).committed(run.id)
  return { answer: await finishPush(parts, request, run, committed), isReplayed: false }
}

const newRun = ({ run, body }: PushRequest, state: 'queued' | 'running'): NewRun => ({
  ...run,
  kind: 'push',
  state,
  mediaType:
    body.charset === undefined ? body.mediaType : `${body.mediaType};charset=${body.charset}`,
  contentEncoding: body.contentEncoding ?? 'identity',
})

const hasEndedWell = ({ state }: RunRow): boolean => state === 'succeeded' || state === 'partial'

type Idempotency = NonNullable<PushRequest['idempotency']>

const requestDigestOf = ({ request }: Idempotency): Buffer =>
  createHash('sha256').update(request).digest()

async function findKey(parts: IntakeParts, idempotency: Idempotency): Promise<KnownKey | null> {
  const known = await idempotencyStore(parts.pool).find(idempotency.scope, idempotency.key)
  if (known !== null && !known.requestDigest.equals(requestDigestOf(idempotency))) throw keyReused()
  return known
}

/** The run and the key that stands for it begin together, or another call has taken the key. */
const claimKey = (
  parts: IntakeParts,
  request: PushRequest,
  idempotency: Idempotency,
  state: 'queued' | 'running' = 'running',
): Promise<RunRow> =>
  inTransaction(parts.pool, async (client) => {
    const run = await runStore(client).open(newRun(request, state), parts.holder)
    const claim = { ...idempotency, runId: run.id, requestDigest: requestDigestOf(idempotency) }
    if (await idempotencyStore(client).claim(claim)) return run
    throw keyInFlight()
  })

/** An interrupted run goes on under its own id; one that another process holds is in flight. */
async function takeUp(parts: IntakeParts, runId: string): Promise<RunRow> {
  const runs = runStore(parts.pool)
  const taken = await runs.take(runId, parts.holder)
  if (taken !== null) return taken
  const run = await runs.find(runId)
  if (run?.state === 'queued' || run?.state === 'running') throw keyInFlight()
  throw new Refusal(
    'state-conflict',
    '该次运行已取消或中断过久,请换一个幂等键 / The run was cancelled or broke off too long ago; use a new key',
  )
}

/** The whole body is read again and compared: a key never vouches for a body that was not seen. */
async function demandSameBody(body: RowBody, bodyDigest: Buffer): Promise<void> {
  if (!(await digestOf(body)).equals(bodyDigest)) throw keyReused()
}

/** SHA-256 of the decompressed body. */
async function digestOf({ bytes, contentEncoding = 'identity', limits }: RowBody): Promise<Buffer> {
  const digest = createHash('sha256')
  const { decodedBytesMax } = { ...decodeLimits, ...limits }
  for await (const chunk of decompressed(bytes, contentEncoding, decodedBytesMax)) {
    digest.update(chunk)
  }
  return digest.digest()
}

/**
 * Keeps the body whole before the call is answered: what was accepted outlives the process. The run is
 * held meanwhile, so that no other process works off half of it.
 */
export async function acceptPush(
  parts: IntakeParts,
  request: PushRequest,
): Promise<{ run: RunRow; isReplayed: boolean }> {
  const { idempotency } = request
  const known = idempotency && (await findKey(parts, idempotency))
  const before = known && (await runStore(parts.pool).find(known.runId))
  if (before && known?.bodyDigest && before.state !== 'failed') {
    await demandSameBody(request.body, known.bodyDigest)
    return { run: before, isReplayed: true }
  }
  const run =
    idempotency === null
      ? await runStore(parts.pool).open(newRun(request, 'queued'), parts.holder)
      : known === null
        ? await claimKey(parts, request, idempotency, 'queued')
        : await takeUp(parts, known.runId)
  await keepBody(parts, request, run)
  return { run: { ...run, state: 'queued' }, isReplayed: false }
}

async function keepBody(parts: IntakeParts, request: PushRequest, run: RunRow): Promise<void> {
  const { body, idempotency } = request
  const bodies = bodyStore(parts.pool)
  const release = keepLease(parts, run.id)
  try {
    await bodies.forget(run.id)
    await bodies.keep(run.id, body.bytes)
    if (idempotency !== null) {
      const bodyDigest = await digestOf({ ...body, bytes: bodies.read(run.id) })
      await idempotencyStore(parts.pool).complete(idempotency.scope, idempotency.key, bodyDigest)
    }
    await runStore(parts.pool).release(run.id, parts.holder)
  } catch (error) {
    await failRun(parts, run.id, error)
    await bodies.forget(run.id)
    throw error
  } finally {
    release()
  }
}

/** While rows land slowly, the run's holder keeps saying that it lives. */
export function keepLease(parts: IntakeParts, runId: string): () => void {
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
    const pushed = await pushRows(parts, {
      run,
      served: request.served,
      body: request.body,
      committed,
    })
    if (run.mode === 'snapshot' && !run.isDry) await commitSnapshot(parts, run, request.served)
    const ended = await endRun(parts, run.id, async (row, client) => {
      const { idempotency } = request
      if (idempotency !== null) {
        const { scope, key } = idempotency
        await idempotencyStore(client).complete(scope, key, pushed.bodyDigest)
      }
      return row
    })
    return answerOf(ended, await firstRejects(parts, ended))
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
    const ended = await runStore(client).succeed(runId, parts.holder)
    if (ended === null)
      throw new Refusal('state-conflict', '该次运行已取消 / The run was cancelled')
    if (ended.mode === 'snapshot') await forgetSnapshot(client, runId)
    return alongside(ended, client)
  })
}

/**
 * The rejects that an answer lists. They are read back rather than remembered, so that a repeated or a
 * resumed call answers the same.
 */
export async function firstRejects(
  parts: IntakeParts,
  { id, counts }: Pick<RunRow, 'id' | 'counts'>,
): Promise<AnsweredReject[]> {
  if (counts.rejected === 0) return []
  const kept = await rejectStore(parts.pool, parts.vault).page(id, {
    after: 0,
    limit: intakeLimits.answeredRejectsMax,
  })
  return kept.map(asAnswered)
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
 * run's lease ends, and the sweep takes it up again or ends it. So it is while the hub stops.
 */
export async function failRun(parts: IntakeParts, runId: string, error: unknown): Promise<void> {
  if (isPassing(error) || error instanceof Stopping) return
  const refusal =
    error instanceof Refusal
      ? { code: error.code, message: error.message }
      : { code: 'internal', message: '内部错误,请稍后重试 / Internal error; try again later' }
  // The database may be what failed: the sweep will then find the run by its lease.
  await runStore(parts.pool)
    .fail(runId, parts.holder, refusal)
    .catch(() => null)
}
