import { Type } from 'typebox'
import { IdParams, page, pageQuery, Slug } from '../../../schemas/api/common.ts'
import { Staff, StaffChange, StaffDraft, StaffWithToken } from '../../../schemas/api/identity.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { checkStaff } from './check-staff.ts'
import { hashPassword } from './passwords.ts'
import { demand, visibleDepartment } from './permissions.ts'
import { newToken } from './tokens.ts'

const tags = ['staff']

export const staffRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    createStaff(app, hub)
    listStaff(app, hub)
    getStaff(app, hub)
    changeStaff(app, hub)
  }

function createStaff(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'createStaff',
    summary:
      '登记工作人员;未给口令时发一次性显示的令牌 / Register staff; without a password a token is issued, shown once',
    tags,
    body: StaffDraft,
    response: { 201: StaffWithToken },
  }
  app.post('/staff', { schema }, async (request, reply) => {
    demand(request.caller, 'staff.manage', null)
    const { password, department = null, account = request.body.id, ...draft } = request.body
    const passwordHash = password === undefined ? null : await hashPassword(password)
    const token = password === undefined ? newToken() : null
    const created = await database.atomically(async (stores) => {
      const roles = await checkStaff(stores, request.body)
      const kept = await stores.staff.insert({ ...draft, account, department, roles, passwordHash })
      if (token !== null) await stores.tokens.add(token, { staffId: kept.id })
      const note = { id: kept.id, department, roles }
      await auditCall(request, reply, { operation: 'staff.create', outcome: 'allowed', note })
      return kept
    })
    reply.code(201).header('location', `/v1/staff/${created.id}`)
    return reply.send(token === null ? created : { ...created, token })
  })
}

function listStaff(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'listStaff',
    summary: '工作人员列表 / Staff',
    tags,
    querystring: Type.Object({ ...pageQuery, department: Type.Optional(Slug) }),
    response: { 200: page(Staff) },
  }
  app.get('/staff', { schema }, async ({ caller, query }) => {
    const department = visibleDepartment(caller, 'staff.read', query.department)
    const wanted = readPage(query)
    const rows = await database.staff.list(wanted, department)
    return toPage(rows, wanted.limit, ({ id }) => [id])
  })
}

function getStaff(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'getStaff',
    summary: '一名工作人员 / One member of staff',
    tags,
    params: IdParams,
    response: { 200: Staff },
  }
  app.get('/staff/:id', { schema }, ({ caller, params }) => {
    demand(caller, 'staff.read', null)
    return database.staff.demand(params.id)
  })
}

function changeStaff(app: Api, { database, authenticator }: Hub): void {
  const schema = {
    operationId: 'changeStaff',
    summary: '修改工作人员(角色、停用、口令)/ Replace roles, state or password',
    tags,
    params: IdParams,
    body: StaffChange,
    response: { 200: Staff },
  }
  app.put('/staff/:id', { schema }, async (request, reply) => {
    const { id: by } = demand(request.caller, 'staff.manage', null)
    const { id } = request.params
    refuseOwnRights(by, id)
    const { password, department = null, name } = request.body
    const passwordHash = password === undefined ? undefined : await hashPassword(password)
    const changed = await database.atomically(async (stores) => {
      const before = await stores.staff.demand(id)
      const roles = await checkStaff(stores, request.body)
      const state = request.body.state ?? before.state
      const change = { name, department, roles, state, ...(passwordHash && { passwordHash }) }
      const after = (await stores.staff.update(id, change)) ?? before
      if (passwordHash || state === 'disabled') await stores.tokens.deleteSessionsOf(id)
      await stores.announceChange(`staff ${id}`)
      const note = {
        id,
        before: before.roles,
        after: roles,
        state,
        passwordChanged: !!passwordHash,
      }
      await auditCall(request, reply, { operation: 'staff.change', outcome: 'allowed', note })
      return after
    })
    authenticator.clear()
    return changed
  })
}

/** Nobody gives rights to themselves, and nobody locks themselves out. */
function refuseOwnRights(by: string, id: string): void {
  if (by !== id) return
  const detail =
    '不能修改本人的角色与状态,请由他人办理 / Nobody changes their own roles; ask another administrator'
  throw new Refusal('role-missing', detail)
}
