import { Type } from 'typebox'
import { IdParams, nullable, page, pageQuery, Slug } from '../../../schemas/api/common.ts'
import {
  NewToken,
  System,
  SystemChange,
  SystemDraft,
  SystemWithToken,
  TokenRotation,
} from '../../../schemas/api/identity.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { checkKnownDepartment } from './check-known-department.ts'
import { demand, visibleDepartment } from './permissions.ts'
import { newToken } from './tokens.ts'

const tags = ['systems']

export const systemRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    createSystem(app, hub)
    listSystems(app, hub)
    getSystem(app, hub)
    changeSystem(app, hub)
    rotateToken(app, hub)
    disableSystem(app, hub)
  }

function createSystem(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'createSystem',
    summary: '登记应用系统或前置机,令牌只显示一次 / Register a system; its token is shown once',
    tags,
    body: SystemDraft,
    response: { 201: SystemWithToken },
  }
  app.post('/systems', { schema }, async (request, reply) => {
    demand(request.caller, 'systems.manage', request.body.department)
    const token = newToken()
    const system = await database.atomically(async (stores) => {
      await checkKnownDepartment(stores, request.body.department)
      const created = await stores.systems.insert(request.body)
      await stores.tokens.add(token, { systemId: created.id })
      const note = { id: created.id, department: created.department, kind: created.kind }
      await auditCall(request, reply, { operation: 'systems.create', outcome: 'allowed', note })
      return created
    })
    const location = `/v1/systems/${system.id}`
    return reply
      .code(201)
      .header('location', location)
      .send({ ...system, token })
  })
}

function listSystems(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'listSystems',
    summary: '应用系统列表 / Systems',
    tags,
    querystring: Type.Object({ ...pageQuery, department: Type.Optional(Slug) }),
    response: { 200: page(System) },
  }
  app.get('/systems', { schema }, async ({ caller, query }) => {
    const department = visibleDepartment(caller, 'systems.read', query.department)
    const wanted = readPage(query)
    const rows = await database.systems.list(wanted, department)
    return toPage(rows, wanted.limit, ({ id }) => [id])
  })
}

function getSystem(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'getSystem',
    summary: '一个应用系统 / One system',
    tags,
    params: IdParams,
    response: { 200: System },
  }
  app.get('/systems/:id', { schema }, async ({ caller, params }) => {
    visibleDepartment(caller, 'systems.read', undefined)
    const system = await database.systems.demand(params.id)
    demand(caller, 'systems.read', system.department)
    return system
  })
}

function changeSystem(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'changeSystem',
    summary: '修改应用系统名称 / Rename a system',
    tags,
    params: IdParams,
    body: SystemChange,
    response: { 200: System },
  }
  app.put('/systems/:id', { schema }, async (request, reply) => {
    demand(request.caller, 'systems.manage', null)
    const { id } = request.params
    return database.atomically(async (stores) => {
      const before = await stores.systems.demand(id)
      const changed = (await stores.systems.rename(id, request.body.name)) ?? before
      const note = { id, before: before.name, after: changed.name }
      await auditCall(request, reply, { operation: 'systems.change', outcome: 'allowed', note })
      return changed
    })
  })
}

function rotateToken(app: Api, { database, authenticator }: Hub): void {
  const schema = {
    operationId: 'rotateSystemToken',
    summary:
      '更换令牌,旧令牌可再用 overlapSeconds 秒 / New token; the old one works a while longer',
    tags,
    params: IdParams,
    body: nullable(TokenRotation),
    response: { 200: NewToken },
  }
  app.post('/systems/:id/token', { schema }, async (request, reply) => {
    demand(request.caller, 'systems.manage', null)
    const { id } = request.params
    const overlapSeconds = request.body?.overlapSeconds ?? 0
    const token = newToken()
    const previousValidUntil = await database.atomically(async (stores) => {
      await stores.systems.demand(id)
      const validUntil = await stores.tokens.expireOf(id, overlapSeconds)
      await stores.tokens.add(token, { systemId: id })
      await stores.systems.bumpVersion(id)
      await stores.announceChange(`system ${id}`)
      const note = { id, overlapSeconds }
      await auditCall(request, reply, {
        operation: 'systems.rotate-token',
        outcome: 'allowed',
        note,
      })
      return validUntil
    })
    authenticator.clear()
    return { id, token, previousValidUntil }
  })
}

function disableSystem(app: Api, { database, authenticator }: Hub): void {
  const schema = {
    operationId: 'disableSystem',
    summary: '停用应用系统,立即生效 / Disable a system, at once and everywhere',
    tags,
    params: IdParams,
    response: { 200: System },
  }
  app.post('/systems/:id/disable', { schema }, async (request, reply) => {
    const { id } = request.params
    visibleDepartment(request.caller, 'systems.disable', undefined)
    const system = await database.atomically(async (stores) => {
      const before = await stores.systems.demand(id)
      demand(request.caller, 'systems.disable', before.department)
      const disabled = (await stores.systems.disable(id)) ?? before
      await stores.announceChange(`system ${id}`)
      const note = { id, before: before.state }
      await auditCall(request, reply, { operation: 'systems.disable', outcome: 'allowed', note })
      return disabled
    })
    authenticator.clear()
    return system
  })
}
