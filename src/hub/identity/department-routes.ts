import { Type } from 'typebox'
import { IdParams, page, pageQuery, Slug } from '../../../schemas/api/common.ts'
import { Department, DepartmentChange, DepartmentDraft } from '../../../schemas/api/identity.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { checkDepartment } from './check-department.ts'
import { demand } from './permissions.ts'

const tags = ['departments']

export const departmentRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    createDepartment(app, hub)
    listDepartments(app, hub)
    getDepartment(app, hub)
    changeDepartment(app, hub)
  }

function createDepartment(app: Api, { database, clock }: Hub): void {
  const schema = {
    operationId: 'createDepartment',
    summary: '登记部门 / Register a department',
    tags,
    body: DepartmentDraft,
    response: { 201: Department },
  }
  app.post('/departments', { schema }, async (request, reply) => {
    demand(request.caller, 'departments.manage', null)
    const draft = request.body
    const department = await database.atomically(async (stores) => {
      await checkDepartment(stores, draft, clock.now())
      const created = await stores.departments.insert(draft)
      const note = { id: created.id, name: created.name }
      await auditCall(request, reply, { operation: 'departments.create', outcome: 'allowed', note })
      return created
    })
    return reply.code(201).header('location', `/v1/departments/${department.id}`).send(department)
  })
}

function listDepartments(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'listDepartments',
    summary: '部门列表 / Departments',
    tags,
    querystring: Type.Object({ ...pageQuery, parent: Type.Optional(Slug) }),
    response: { 200: page(Department) },
  }
  app.get('/departments', { schema }, async ({ caller, query }) => {
    demand(caller, 'departments.read', null)
    const wanted = readPage(query)
    const filter = query.parent === undefined ? {} : { parent: query.parent }
    const rows = await database.departments.list(wanted, filter)
    return toPage(rows, wanted.limit, ({ id }) => [id])
  })
}

function getDepartment(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'getDepartment',
    summary: '一个部门 / One department',
    tags,
    params: IdParams,
    response: { 200: Department },
  }
  app.get('/departments/:id', { schema }, ({ caller, params }) => {
    demand(caller, 'departments.read', null)
    return database.departments.demand(params.id)
  })
}

function changeDepartment(app: Api, { database, clock }: Hub): void {
  const schema = {
    operationId: 'changeDepartment',
    summary: '修改部门(整体替换)/ Replace what is known of a department',
    tags,
    params: IdParams,
    body: DepartmentChange,
    response: { 200: Department },
  }
  app.put('/departments/:id', { schema }, async (request, reply) => {
    demand(request.caller, 'departments.manage', null)
    const { id } = request.params
    return database.atomically(async (stores) => {
      const before = await stores.departments.demand(id)
      await checkDepartment(stores, { id, ...request.body }, clock.now())
      const changed = (await stores.departments.update(id, request.body)) ?? before
      const note = { id, before: { ...before }, after: { ...changed } }
      await auditCall(request, reply, { operation: 'departments.change', outcome: 'allowed', note })
      return changed
    })
  })
}
