import { Type } from 'typebox'
import { IdParams, page } from '../../../schemas/api/common.ts'
import { RejectQuery, RunParams } from '../../../schemas/api/intake.ts'
import { Difference, RunSyncBody } from '../../../schemas/api/syncs.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { decodeNumberCursor, toPage } from '../http/cursors.ts'
import type { Hub } from '../hub.ts'
import { demandRejects } from '../intake/access.ts'
import { runFacts } from '../intake/intake.ts'
import { runStore } from '../intake/runs.ts'
import { listDifferences } from './list-differences.ts'
import { startRun } from './start-run.ts'

const tags = ['syncs']

/** Runs of syncs: begun by hand, and what a check found. */
export const syncRunRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    postRun(app, hub)
    getDifferences(app, hub)
  }

function postRun(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'runSync',
    summary: '立即运行同步任务,或按范围补采、核对 / Run a sync now, backfill a range, or check it',
    description:
      '带 from/to(首个游标列,左闭右开)为补采,mode=check 为逐键核对,两者与例行运行并行且不影响其位置。' +
      ' / With from/to (first cursor column, half-open) it is a backfill, with mode=check a check by key: both run beside the live sync and leave its position alone.',
    tags,
    params: IdParams,
    body: RunSyncBody,
    response: { 201: Type.Object({ id: Type.String({ format: 'uuid' }) }) },
  }
  app.post('/syncs/:id/runs', { schema }, async (request, reply) => {
    const { caller, params, body } = request
    const run = await hub.database.atomically(async (stores, transaction) => {
      const started = await startRun({ stores, transaction, caller }, params.id, body)
      await auditCall(request, reply, {
        operation: 'syncs.run',
        outcome: 'allowed',
        resource: started.sync.resource,
        runId: started.id,
        note: { sync: params.id, kind: started.kind, isAside: started.isAside, ...body },
      })
      return started
    })
    const { id, lane, sync } = run
    await hub.queue.ring({ id, lane, priority: sync.priority })
    return reply.code(201).header('location', `/v1/runs/${id}`).send({ id })
  })
}

const pageLimitDefault = 50

function getDifferences(app: Api, { intake, keys }: Hub): void {
  const schema = {
    operationId: 'listDifferences',
    summary: '核对运行发现的差异 / The keys that a check found to differ',
    tags,
    params: RunParams,
    querystring: RejectQuery,
    response: { 200: page(Difference) },
  }
  app.get('/runs/:id/differences', { schema }, async (request, reply) => {
    const { caller, params, query } = request
    const { pool } = intake.parts
    const run = demandRejects(caller, await runStore(pool).find(params.id))
    const limit = query.limit ?? pageLimitDefault
    const after = query.after === undefined ? 0 : decodeNumberCursor(query.after)
    const rows = await listDifferences(pool, keys, { runId: run.id, after, limit: limit + 1 })
    await auditCall(request, reply, {
      ...runFacts(run, 'differences.read'),
      outcome: 'allowed',
      rowCount: Math.min(rows.length, limit),
    })
    const { items, next } = toPage(rows, limit, ({ number }) => [number])
    return { items: items.map(({ key, kind }) => ({ key, kind })), next }
  })
}
