import { Type } from 'typebox'
import { IdParams, page, pageQuery, Slug } from '../../../schemas/api/common.ts'
import { Allowance, Grant, grantStates, GrantTransition } from '../../../schemas/api/sharing.ts'
import { bypassNote } from '../catalog/bypass.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { demand, may, visibleDepartment } from '../identity/permissions.ts'
import { listAllowed } from './list-allowed.ts'
import { moveGrant } from './move-grant.ts'
import type { Sharing } from './sharing.ts'

const tags = ['sharing']

export const grantRoutes =
  (sharing: Sharing): ApiRoutes =>
  async (app) => {
    listGrants(app, sharing)
    getGrant(app, sharing)
    postTransition(app, sharing)
    getAllowed(app, sharing)
  }

function listGrants(app: Api, { hub }: Sharing): void {
  const schema = {
    operationId: 'listGrants',
    summary: '共享授权列表 / Grants given and held',
    tags,
    querystring: Type.Object({
      ...pageQuery,
      department: Type.Optional(Slug),
      resource: Type.Optional(Slug),
      system: Type.Optional(Slug),
      state: Type.Optional(Type.Enum([...grantStates])),
    }),
    response: { 200: page(Grant) },
  }
  app.get('/grants', { schema }, async ({ caller, query }) => {
    const department = visibleDepartment(caller, 'grants.read', query.department)
    const wanted = readPage(query)
    const { resource, system, state } = query
    const rows = await hub.database.grants.list(wanted, { department, resource, system, state })
    return toPage(rows, wanted.limit, ({ id }) => [id])
  })
}

function getGrant(app: Api, { hub }: Sharing): void {
  const schema = {
    operationId: 'getGrant',
    summary: '一项共享授权 / One grant',
    tags,
    params: IdParams,
    response: { 200: Grant },
  }
  app.get('/grants/:id', { schema }, async ({ caller, params }) => {
    visibleDepartment(caller, 'grants.read', undefined)
    const grant = await hub.database.grants.demand(params.id)
    if (!may(caller, 'grants.read', grant.provider)) demand(caller, 'grants.read', grant.consumer)
    return grant
  })
}

function postTransition(app: Api, { hub, grants }: Sharing): void {
  const schema = {
    operationId: 'moveGrant',
    summary:
      '中止、恢复、终止授权(条例第二十七条),立即生效 / Suspend, resume, end; in force at once',
    tags,
    params: IdParams,
    body: GrantTransition,
    response: { 200: Grant },
  }
  app.post('/grants/:id/transitions', { schema }, async (request, reply) => {
    const { caller, body, params } = request
    visibleDepartment(caller, 'grants.suspend', undefined)
    const moved = await hub.database.atomically(async (stores) => {
      const { grant, isBypassed } = await moveGrant(hub, stores, {
        caller,
        id: params.id,
        wanted: body,
      })
      await auditCall(request, reply, {
        operation: `grants.${body.action}`,
        outcome: 'allowed',
        resource: grant.resource,
        grantIds: [grant.id],
        policyVersion: grant.version,
        note: { ...body, system: grant.system, ...bypassNote(isBypassed) },
      })
      return grant
    })
    grants.clear()
    return moved
  })
}

function getAllowed(app: Api, sharing: Sharing): void {
  const schema = {
    operationId: 'listAllowed',
    summary: '我现在可以使用的资源与操作 / What I may use now',
    tags,
    response: { 200: page(Allowance) },
  }
  app.get('/allowed', { schema }, async ({ caller }) => ({
    items: await listAllowed(sharing, caller),
    next: null,
  }))
}
