import { Type } from 'typebox'
import { IdParams, page, pageQuery } from '../../../schemas/api/common.ts'
import { Resource, ResourceStep, Transition } from '../../../schemas/api/resources.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { demand } from '../identity/permissions.ts'
import { bypassNote, bypassOf } from './bypass.ts'
import { moveResource } from './move-resource.ts'
import { workingResource } from './views.ts'
import { see } from './visibility.ts'

const tags = ['catalog']

export const transitionRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    moveResourceState(app, hub)
    listResourceSteps(app, hub)
  }

function moveResourceState(app: Api, { database, setup, catalog }: Hub): void {
  const schema = {
    operationId: 'moveResource',
    summary:
      '送审、退回、核准、发布、下架、修订 / Submit, return, approve, publish, withdraw, revise',
    description:
      '同一版本不得由一人办理两个环节;送审前须完成两项评估(条例第十三条)/ Nobody takes two steps of one chain; both assessments come before submitting.',
    tags,
    params: IdParams,
    body: Transition,
    response: { 200: Resource },
  }
  app.post('/resources/:id/transitions', { schema }, async (request, reply) => {
    const { caller, body, params } = request
    const isBypassed = await bypassOf(setup)
    const row = await database.atomically(async (stores, transaction) => {
      const move = { stores, transaction, catalog, caller, isBypassed }
      const moved = await moveResource(move, params.id, body)
      const comment = body.comment === undefined ? {} : { comment: body.comment }
      const about = {
        resource: params.id,
        resourceVersion: moved.version,
        note: { ...comment, ...bypassNote(moved.isBypassed) },
      }
      const operation = `resources.${body.action}`
      await auditCall(request, reply, { operation, outcome: 'allowed', ...about })
      return stores.resources.find(params.id)
    })
    if (!row) throw new Error(`Resource ${params.id} moved and is not there`)
    // This process must not wait for its own notification.
    catalog.clear(row.id)
    if (body.action === 'publish') catalog.indexes.begin()
    return workingResource(row)
  })
}

function listResourceSteps(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'listResourceTransitions',
    summary: '资源的办理过程,新的在前 / Who took which step, newest first',
    tags,
    params: IdParams,
    querystring: Type.Object(pageQuery),
    response: { 200: page(ResourceStep) },
  }
  app.get('/resources/:id/transitions', { schema }, async ({ caller, params, query }) => {
    const { row } = await see(database.resources, caller, params.id)
    demand(caller, 'resources.see-drafts', row.provider)
    const wanted = readPage(query)
    const rows = await database.resources.listSteps(row.id, wanted)
    const { items, next } = toPage(rows, wanted.limit, ({ id }) => [id])
    return { items: items.map(toStep), next }
  })
}

type StepRow = Awaited<ReturnType<Hub['database']['resources']['listSteps']>>[number]

const toStep = (row: StepRow): ResourceStep => ({
  action: row.action,
  from: row.from_state,
  to: row.to_state,
  version: row.version,
  staff: row.staff,
  comment: row.comment,
  isBypassed: row.bypassed,
  at: row.at,
})
