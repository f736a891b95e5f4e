import { Type } from 'typebox'
import { IdParams, page, pageQuery, Slug } from '../../../schemas/api/common.ts'
import {
  Application,
  ApplicationDraft,
  applicationStates,
  DecisionAnswer,
  DecisionBody,
} from '../../../schemas/api/sharing.ts'
import { bypassNote } from '../catalog/bypass.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { demand, may, visibleDepartment } from '../identity/permissions.ts'
import { decideApplication } from './decide-application.ts'
import { fileApplication, resubmitApplication } from './file-application.ts'
import type { Sharing } from './sharing.ts'

const tags = ['sharing']

export const applicationRoutes =
  (sharing: Sharing): ApiRoutes =>
  async (app) => {
    postApplication(app, sharing)
    putApplication(app, sharing)
    listApplications(app, sharing)
    getApplication(app, sharing)
    postDecision(app, sharing)
  }

function postApplication(app: Api, { hub }: Sharing): void {
  const schema = {
    operationId: 'fileApplication',
    summary: '提交共享申请(条例第二十条)/ Apply for a resource on behalf of a system',
    tags,
    body: ApplicationDraft,
    response: { 201: Application },
  }
  app.post('/applications', { schema }, async (request, reply) => {
    const { caller, body: draft } = request
    const application = await hub.database.atomically(async (stores) => {
      const filed = await fileApplication(hub, stores, { caller, draft })
      await auditCall(request, reply, {
        operation: 'applications.file',
        outcome: 'allowed',
        resource: draft.resource,
        fields: draft.fields,
        note: {
          application: filed.application.id,
          system: draft.system,
          ...bypassNote(filed.isBypassed),
        },
      })
      return filed.application
    })
    return reply
      .code(201)
      .header('location', `/v1/applications/${application.id}`)
      .send(application)
  })
}

function putApplication(app: Api, { hub }: Sharing): void {
  const schema = {
    operationId: 'resubmitApplication',
    summary: '补正后重新提交 / File it anew with what was missing',
    tags,
    params: IdParams,
    body: ApplicationDraft,
    response: { 200: Application },
  }
  app.put('/applications/:id', { schema }, (request, reply) => {
    const { caller, body: draft, params } = request
    return hub.database.atomically(async (stores) => {
      const filed = await resubmitApplication(hub, stores, { caller, draft, id: params.id })
      await auditCall(request, reply, {
        operation: 'applications.resubmit',
        outcome: 'allowed',
        resource: draft.resource,
        fields: draft.fields,
        note: { application: params.id, ...bypassNote(filed.isBypassed) },
      })
      return filed.application
    })
  })
}

function listApplications(app: Api, { hub }: Sharing): void {
  const schema = {
    operationId: 'listApplications',
    summary: '共享申请列表:本部门提出的与收到的 / Applications made and received',
    tags,
    querystring: Type.Object({
      ...pageQuery,
      department: Type.Optional(Slug),
      resource: Type.Optional(Slug),
      state: Type.Optional(Type.Enum([...applicationStates])),
    }),
    response: { 200: page(Application) },
  }
  app.get('/applications', { schema }, async ({ caller, query }) => {
    const department = visibleDepartment(caller, 'applications.read', query.department)
    const wanted = readPage(query)
    const filter = { department, resource: query.resource, state: query.state }
    const rows = await hub.database.applications.list(wanted, filter)
    return toPage(rows, wanted.limit, ({ id }) => [id])
  })
}

function getApplication(app: Api, { hub }: Sharing): void {
  const schema = {
    operationId: 'getApplication',
    summary: '一项共享申请 / One application',
    tags,
    params: IdParams,
    response: { 200: Application },
  }
  app.get('/applications/:id', { schema }, async ({ caller, params }) => {
    visibleDepartment(caller, 'applications.read', undefined)
    const application = await hub.database.applications.demand(params.id)
    const isTheirs = may(caller, 'applications.read', application.provider)
    if (!isTheirs) demand(caller, 'applications.read', application.consumer)
    return application
  })
}

function postDecision(app: Api, { hub, grants }: Sharing): void {
  const schema = {
    operationId: 'decideApplication',
    summary: '办理共享申请(条例第二十一条);同意即生成授权 / Decide; a yes is a grant at once',
    tags,
    params: IdParams,
    body: DecisionBody,
    response: { 200: DecisionAnswer },
  }
  app.post('/applications/:id/decisions', { schema }, async (request, reply) => {
    const { caller, body, params } = request
    const answer = await hub.database.atomically(async (stores, transaction) => {
      const deciding = { hub, stores, transaction, caller }
      const { row, grant, isBypassed } = await decideApplication(deciding, params.id, body)
      await auditCall(request, reply, {
        operation: `applications.${body.decision}`,
        outcome: 'allowed',
        resource: row.resource,
        ...(grant && { grantIds: [grant.id], fields: grant.fields, policyVersion: grant.version }),
        note: { application: row.id, ...body, ...bypassNote(isBypassed) },
      })
      const application = await stores.applications.demand(row.id)
      return grant ? { application, grant } : { application }
    })
    grants.clear()
    return answer
  })
}
