import { validate } from 'uuid'
import { page } from '../../../schemas/api/common.ts'
import { Run, RunParams, RunQuery } from '../../../schemas/api/intake.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { demandOperator, demandRun, runsScope } from './access.ts'
import { runFacts } from './intake.ts'
import { reopenLoad } from './numbered-batches.ts'
import { reopenSyncRun } from './reopen-sync-run.ts'
import { lookAtRun } from './look-at-run.ts'
import type { RunRow } from './run-rows.ts'
import { runStore } from './runs.ts'
import { runView } from './views.ts'

const cursorInvalid = (): Refusal =>
  new Refusal('request-invalid', '游标无效,请使用上一页的 next / The cursor is invalid; use `next`')

/** Runs: list, look, cancel, retry. */
export const runRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    listRuns(app, hub)
    getRun(app, hub)
    cancelRun(app, hub)
    retryRun(app, hub)
  }

function listRuns(app: Api, { intake: { parts }, clock }: Hub) {
  const schema = {
    operationId: 'listRuns',
    summary: '查询运行 / List runs, newest first',
    tags: ['put-in'],
    querystring: RunQuery,
    response: { 200: page(Run) },
  }
  app.get('/runs', { schema }, async ({ caller, query }) => {
    const { limit, after } = readPage(query)
    if (after !== null && !validate(after)) throw cursorInvalid()
    const rows = await runStore(parts.pool).list({
      ...query,
      department: runsScope(caller),
      after,
      limit: limit + 1,
    })
    const { items, next } = toPage(rows, limit, (run) => [run.id])
    const now = clock.now()
    return { items: items.map((run) => runView(run, { now })), next }
  })
}

function getRun(app: Api, { intake: { parts }, clock }: Hub) {
  const schema = {
    operationId: 'getRun',
    summary: '查看运行 / Look at a run',
    tags: ['put-in'],
    params: RunParams,
    response: { 200: Run },
  }
  app.get('/runs/:id', { schema }, async ({ caller, params }) => {
    const run = demandRun(caller, await runStore(parts.pool).find(params.id))
    return lookAtRun(parts, run, clock.now())
  })
}

function cancelRun(app: Api, { intake: { parts }, clock }: Hub) {
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
    return runView(cancelled, { now: clock.now() })
  })
}

function retryRun(app: Api, hub: Hub) {
  const schema = {
    operationId: 'retryRun',
    summary: '重试失败的运行 / Retry a failed run',
    description:
      '长任务续传;同步任务的运行从检查点重新排队 / A long load goes on; a run of a sync is queued again and goes on at its checkpoint.',
    tags: ['put-in'],
    params: RunParams,
    response: { 200: Run },
  }
  app.post('/runs/:id/retry', { schema }, async (request, reply) => {
    const { parts } = hub.intake
    const found = await runStore(parts.pool).find(request.params.id)
    const run = demandOperator(request.caller, found)
    const audit = (facts: RunRow) =>
      auditCall(request, reply, { ...runFacts(facts, 'runs.retry'), outcome: 'allowed' })
    const reopened =
      run.sync === null ? await reopenLoad(parts, run) : await reopenSyncRun(hub, run, audit)
    if (run.sync === null) await audit(reopened)
    return runView(reopened, { now: hub.clock.now() })
  })
}
