import { IdParams } from '../../../schemas/api/common.ts'
import { PushAnswer, PushQuery } from '../../../schemas/api/intake.ts'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import type { SystemCaller } from '../identity/caller.ts'
import { demandProvider } from './access.ts'
import { takeStreams } from './body-parser.ts'
import { runFacts } from './intake.ts'
import { intakeLimits } from './limits.ts'
import { acceptPush, answerOf, firstRejects, pushBatch, type PushRequest } from './push-batch.ts'
import { rowBodies } from './row-bodies.ts'
import { rowBody } from './row-body.ts'

/** `POST /resources/{id}/batches`: a whole body as one run. */
export const pushRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    takeStreams(app)
    pushRows(app, hub)
  }

function pushRows(app: Api, { config, intake }: Hub) {
  const schema = {
    operationId: 'pushBatch',
    summary: '推送一批记录 / Push records',
    description:
      '前置机以 NDJSON、CSV(UTF-8 或 GB18030)或 JSON 数组推送源行,可用 gzip 或 zstd 压缩。' +
      '每行都有去处: read = inserted + updated + unchanged + stale + superseded + deleted + rejected。' +
      ' / The body is streamed: NDJSON, CSV or a JSON array of rows. Every row is accounted for.',
    tags: ['put-in'],
    params: IdParams,
    querystring: PushQuery,
    body: rowBodies,
    response: { 200: PushAnswer, 202: PushAnswer },
  }
  const options = { schema, config: { streaming: true, rateExempt: true } }
  app.post('/resources/:id/batches', options, async (request, reply) => {
    const { machine, served } = demandProvider(
      request.caller,
      await intake.known(request.params.id),
      await intake.parts.served(request.params.id),
    )
    const push: PushRequest = {
      served,
      run: {
        resource: served.id,
        mode: request.query.mode ?? 'upsert',
        department: machine.department,
        system: machine.id,
        isDry: request.query.dryRun ?? false,
        isForced: request.query.force ?? false,
      },
      body: rowBody(request, config.http.intakeBytesMax),
      idempotency: idempotencyOf(request, machine),
    }
    if (/\brespond-async\b/.test(String(request.headers.prefer ?? ''))) {
      const { run, isReplayed } = await acceptPush(intake.parts, push)
      await auditCall(request, reply, { ...runFacts(run, 'batches.accept'), outcome: 'allowed' })
      if (!isReplayed) intake.stored.begin(run.id)
      if (isReplayed) reply.header('idempotency-replayed', 'true')
      const rejects = await firstRejects(intake.parts, run)
      return reply.code(202).header('location', `/v1/runs/${run.id}`).send(answerOf(run, rejects))
    }
    const { answer, isReplayed } = await pushBatch(intake.parts, push)
    const facts = runFacts({ ...answer, id: answer.runId, resource: served.id }, 'batches.push')
    await auditCall(request, reply, {
      ...facts,
      outcome: 'allowed',
      rowCount: answer.counts.read,
      resourceVersion: served.version,
    })
    if (isReplayed) reply.header('idempotency-replayed', 'true')
    return answer
  })
}

/** The key covers path, query and media type: the same key on another address is another request. */
function idempotencyOf(request: FastifyRequest, machine: SystemCaller): PushRequest['idempotency'] {
  const key = request.headers['idempotency-key']
  if (key === undefined) return null
  if (typeof key !== 'string' || key === '' || key.length > intakeLimits.idempotencyKeyLengthMax) {
    throw new Refusal(
      'request-invalid',
      `幂等键须为 1 至 ${intakeLimits.idempotencyKeyLengthMax} 个字符 / The idempotency key must have 1 to ${intakeLimits.idempotencyKeyLengthMax} characters`,
    )
  }
  const { 'content-type': type = '', 'content-encoding': encoding = '' } = request.headers
  return {
    scope: machine.id,
    key,
    request: `${request.method} ${request.url}\n${type.toLowerCase()}\n${encoding.toLowerCase()}`,
  }
}
