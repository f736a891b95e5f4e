import { IdParams } from '../../../schemas/api/common.ts'
import {
  BatchParams,
  CommitQuery,
  NewLoad,
  NumberedAnswer,
  OpenedLoad,
  PushAnswer,
  RunParams,
} from '../../../schemas/api/intake.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRequest, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { demandOperator, demandProvider } from './access.ts'
import { takeStreams } from './body-parser.ts'
import { type Intake, runFacts } from './intake.ts'
import { commitLoad, putBatch } from './numbered-batches.ts'
import { rowBodies } from './row-bodies.ts'
import { rowBody } from './row-body.ts'
import type { RunRow } from './run-rows.ts'
import { runStore } from './runs.ts'

/** A long load in pieces: open, put numbered batches, commit. An agent resumes at `nextBatch`. */
export const loadRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    openLoad(app, hub)
    commitRun(app, hub)
    await app.register(async (streamed: Api) => {
      takeStreams(streamed)
      putNumbered(streamed, hub)
    })
  }

function openLoad(app: Api, { intake }: Hub) {
  const schema = {
    operationId: 'openLoad',
    summary: '开始分批推送 / Open a long load',
    tags: ['put-in'],
    params: IdParams,
    body: NewLoad,
    response: { 201: OpenedLoad },
  }
  app.post('/resources/:id/runs', { schema }, async (request, reply) => {
    const { machine, served } = demandProvider(
      request.caller,
      await intake.known(request.params.id),
      await intake.parts.served(request.params.id),
    )
    const run = await runStore(intake.parts.pool).open(
      {
        resource: served.id,
        kind: 'load',
        mode: request.body.mode ?? 'upsert',
        state: 'running',
        department: machine.department,
        system: machine.id,
      },
      intake.parts.holder,
    )
    await auditCall(request, reply, { ...runFacts(run, 'runs.open'), outcome: 'allowed' })
    reply.code(201).header('location', `/v1/runs/${run.id}`)
    return { runId: run.id, nextBatch: run.nextBatch ?? 1 }
  })
}

function putNumbered(app: Api, { config, intake }: Hub) {
  const schema = {
    operationId: 'putBatch',
    summary: '提交第 n 批 / Put batch n of a long load',
    tags: ['put-in'],
    params: BatchParams,
    body: rowBodies,
    response: { 200: NumberedAnswer },
  }
  const options = { schema, config: { streaming: true, rateExempt: true } }
  app.put('/runs/:id/batches/:n', options, async (request, reply) => {
    const { run, served } = await ownLoad(intake, request, request.params.id)
    const body = rowBody(request, config.http.intakeBytesMax)
    const answer = await putBatch(intake.parts, { run, served, number: request.params.n, body })
    await auditCall(request, reply, {
      ...runFacts({ ...run, ...answer, id: run.id }, 'batches.put'),
      outcome: 'allowed',
      rowCount: answer.counts.read,
      resourceVersion: served.version,
    })
    return answer
  })
}

function commitRun(app: Api, { intake }: Hub) {
  const schema = {
    operationId: 'commitLoad',
    summary: '结束分批推送 / Commit a long load',
    tags: ['put-in'],
    params: RunParams,
    querystring: CommitQuery,
    response: { 200: PushAnswer },
  }
  app.post('/runs/:id/commit', { schema }, async (request, reply) => {
    const { run, served } = await ownLoad(intake, request, request.params.id)
    const isForced = request.query.force ?? run.isForced
    const answer = await commitLoad(intake.parts, { ...run, isForced }, served)
    await auditCall(request, reply, {
      ...runFacts({ ...answer, id: run.id, resource: run.resource }, 'runs.commit'),
      outcome: 'allowed',
      rowCount: answer.counts.read,
    })
    return answer
  })
}

async function ownLoad(
  intake: Intake,
  request: ApiRequest,
  id: string,
): Promise<{ run: RunRow; served: ServedResource }> {
  const run = demandOperator(request.caller, await runStore(intake.parts.pool).find(id))
  if (run.kind !== 'load') {
    throw new Refusal('state-conflict', '该次运行不是分批推送 / This run is not a long load')
  }
  const known = await intake.known(run.resource)
  const served = await intake.parts.served(run.resource)
  return { run, served: demandProvider(request.caller, known, served).served }
}
