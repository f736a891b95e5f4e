import { validate } from 'uuid'
import { page } from '../../../schemas/api/common.ts'
import { PushAnswer, ReplayBody, Run, RunParams, RunQuery } from '../../../schemas/api/intake.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { demandOperator, demandRejects, demandRun, runsScope } from './access.ts'
import { type Intake, runFacts } from './intake.ts'
import { reopenLoad } from './numbered-batches.ts'
import { rejectStore } from './reject-store.ts'
import { replayRejects } from './replay-rejects.ts'
import { runStore } from './runs.ts'
import { runView } from './views.ts'

const cursorInvalid = (): Refusal =>
  new Refusal('request-invalid', '游标无效,请使用上一页的 next / The cursor is invalid; use `next`')

/** Runs: list, look, cancel, retry, replay. */
export const runRoutes =
  ({ intake }: Hub): ApiRoutes =>
  async (app) => {
    listRuns(app, intake)
    getRun(app, intake)
    cancelRun(app, intake)
    retryRun(app, intake)
    replayRun(app, intake)
  }

function listRuns(app: Api, { parts }: Intake) {
  const schema = {
    operationId: 'listRuns',
    summary: '查询运行 / List runs, newest first',
    tags: ['put-in'],
    querystring: RunQuery,
    response: { 200: page(Run) },
  }
  app.get('/runs', { schema }, async ({ caller, query }) => {
    const { limit, after } = readPage(query)
    // Runs of syncs come with the syncs: until then no run has one, and none is found.
    if (query.sync !== undefined) return { items: [], next: null }
    if (after !== null && !validate(after)) throw cursorInvalid()
    const rows = await runStore(parts.pool).list({
      ...query,
      department: runsScope(caller),
      after,
      limit: limit + 1,
    })
    const { items, next } = toPage(rows, limit, (run) => [run.id])
    return { items: items.map(runView), next }
  })
}

function getRun(app: Api, { parts }: Intake) {
  const schema = {
    operationId: 'getRun',
    summary: '查看运行 / Look at a run',
    tags: ['put-in'],
    params: RunParams,
    response: { 200: Run },
  }
  app.get('/runs/:id', { schema }, async ({ caller, params }) => {
    const run = demandRun(caller, await runStore(parts.pool).find(params.id))
    const rejectCodes = await rejectStore(parts.pool, parts.vault).countsByCode(run.id)
    return { ...runView(run), rejectCodes }
  })
}

function cancelRun(app: Api, { parts }: Intake) {
  const schema = {
    operationId: 'cancelRun',
    summary: '取消运行 / Cancel a run',
    description: '已提交的批次保留 / What has been committed stays.',
    tags: ['put-in'],
    params: RunParams,
    response: { 200: Run },
  }
  app.post('/runs/:id/cancel', { schema }, async (request, reply) => {
    const runs = runStore(parts.pool)
    const run = demandOperator(request.caller, await runs.find(request.params.id))
    const cancelled = await runs.cancel(run.id)
    if (cancelled === null) {
      throw new Refusal(
        'state-conflict',
        `该次运行已结束(${run.state}) / The run has ended (${run.state})`,
      )
    }
    await auditCall(request, reply, { ...runFacts(cancelled, 'runs.cancel'), outcome: 'allowed' })
    return runView(cancelled)
  })
}

function retryRun(app: Api, { parts }: Intake) {
  const schema = {
    operationId: 'retryRun',
    summary: '重试失败的运行 / Retry a failed run',
    tags: ['put-in'],
    params: RunParams,
    response: { 200: Run },
  }
  app.post('/runs/:id/retry', { schema }, async (request, reply) => {
    const found = await runStore(parts.pool).find(request.params.id)
    const run = await reopenLoad(parts, demandOperator(request.caller, found))
    await auditCall(request, reply, { ...runFacts(run, 'runs.retry'), outcome: 'allowed' })
    return runView(run)
  })
}

function replayRun(app: Api, intake: Intake) {
  const schema = {
    operationId: 'replayRejects',
    summary: '重放问题数据 / Put rejects through again',
    description:
      '不带 rows 时,所有未修复的问题数据按现行映射与校验重新处理;带 rows 时使用修正后的行。' +
      ' / Without rows all open rejects go through again as they came; with rows, the corrected ones.',
    tags: ['put-in'],
    params: RunParams,
    body: ReplayBody,
    response: { 200: PushAnswer },
  }
  app.post('/runs/:id/replay', { schema }, async (request, reply) => {
    const { parts } = intake
    const { caller, params, body } = request
    const run = demandRejects(caller, await runStore(parts.pool).find(params.id))
    const served = await parts.served(run.resource)
    if (served === null || run.state === 'running' || run.state === 'queued') {
      throw new Refusal(
        'state-conflict',
        '运行尚未结束或资源已下架 / The run has not ended, or the resource was withdrawn',
      )
    }
    const answer = await replayRejects(parts, {
      run,
      served,
      corrected: body.rows ?? [],
      system: caller?.kind === 'system' ? caller.id : null,
      staff: caller?.kind === 'staff' ? caller.id : null,
    })
    await auditCall(request, reply, {
      ...runFacts({ ...answer, id: answer.runId, resource: run.resource }, 'runs.replay'),
      outcome: 'allowed',
      rowCount: answer.counts.read,
    })
    return answer
  })
}
