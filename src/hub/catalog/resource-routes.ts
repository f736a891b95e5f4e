import { Type } from 'typebox'
import { IdParams, page, pageQuery } from '../../../schemas/api/common.ts'
import {
  Resource,
  ResourceChange,
  ResourceDraft,
  ResourceQuery,
  ResourceSummary,
  ResourceVersion,
} from '../../../schemas/api/resources.ts'
import { fieldsToJsonSchema } from '../../shared/standards.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import { bypassNote, bypassOf } from './bypass.ts'
import { draftResource, editResource } from './draft-resource.ts'
import { fieldsSeen, toResource, toSummary, toVersion, workingResource } from './views.ts'
import { see, sightOf } from './visibility.ts'

const tags = ['catalog']

export const resourceRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    searchResources(app, hub)
    createResource(app, hub)
    getResource(app, hub)
    changeResource(app, hub)
    listResourceVersions(app, hub)
    getResourceSchema(app, hub)
  }

function searchResources(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'searchResources',
    summary: '检索资源目录 / Search the catalog',
    description:
      '按名称、编号、代码、摘要与信息项检索;多个词须同时命中。本部门与主管部门可见草稿,其他人可见已发布的 / Every word must be found. The provider and the bureau see drafts, others what is published.',
    tags,
    querystring: ResourceQuery,
    response: { 200: page(ResourceSummary) },
  }
  app.get('/resources', { schema }, async ({ caller, query }) => {
    const wanted = readPage(query)
    const rows = await database.resources.search(sightOf(caller), query, wanted)
    const { items, next } = toPage(rows, wanted.limit, ({ id }) => [id])
    return { items: items.map(toSummary), next }
  })
}

function createResource(app: Api, { database, setup }: Hub): void {
  const schema = {
    operationId: 'createResource',
    summary: '编目:起草资源 / Draft a resource',
    description:
      '采用数据标准时信息项默认取标准的,`fields` 用于收窄或扩展;未给出 `code` 时按分类赋码 / With a standard its fields are the default, and `fields` narrows or extends them; without a code one is given.',
    tags,
    body: ResourceDraft,
    response: { 201: Resource },
  }
  app.post('/resources', { schema }, async (request, reply) => {
    const isBypassed = await bypassOf(setup)
    const row = await database.atomically(async (stores) => {
      const { caller } = request
      const drafted = await draftResource({ stores, caller, isBypassed }, request.body)
      const note = {
        code: drafted.code,
        ...bypassNote(caller?.kind === 'staff' && isBypassed(caller)),
      }
      const about = { resource: drafted.id, resourceVersion: drafted.version, note }
      await auditCall(request, reply, {
        operation: 'resources.draft',
        outcome: 'allowed',
        ...about,
      })
      return drafted
    })
    reply.code(201).header('location', `/v1/resources/${row.id}`)
    return reply.send(workingResource(row))
  })
}

function getResource(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'getResource',
    summary: '一个资源 / One resource',
    tags,
    params: IdParams,
    response: { 200: Resource },
  }
  app.get('/resources/:id', { schema }, async ({ caller, params }) =>
    toResource(await see(database.resources, caller, params.id)),
  )
}

function changeResource(app: Api, { database, setup }: Hub): void {
  const schema = {
    operationId: 'changeResource',
    summary: '修改草稿(整体替换)/ Replace a draft',
    description:
      '仅限草稿与被退回的资源;已发布的先修订(revise)/ Only while it is a draft or was returned; revise a published one first.',
    tags,
    params: IdParams,
    body: ResourceChange,
    response: { 200: Resource },
  }
  app.put('/resources/:id', { schema }, async (request, reply) => {
    const isBypassed = await bypassOf(setup)
    const row = await database.atomically(async (stores) => {
      const { caller } = request
      const drafting = { stores, caller, isBypassed }
      const edited = await editResource(drafting, request.params.id, request.body)
      const note = bypassNote(caller?.kind === 'staff' && isBypassed(caller))
      const about = { resource: edited.id, resourceVersion: edited.version, note }
      await auditCall(request, reply, { operation: 'resources.edit', outcome: 'allowed', ...about })
      return edited
    })
    return workingResource(row)
  })
}

function listResourceVersions(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'listResourceVersions',
    summary: '资源的已发布版本,新的在前 / Published versions, newest first',
    tags,
    params: IdParams,
    querystring: Type.Object(pageQuery),
    response: { 200: page(ResourceVersion) },
  }
  app.get('/resources/:id/versions', { schema }, async ({ caller, params, query }) => {
    const { row } = await see(database.resources, caller, params.id)
    const { limit, after } = readPage(query)
    const below = after === null ? null : Number(after)
    const rows = await database.resources.listVersions(row.id, limit, below)
    const { items, next } = toPage(rows, limit, ({ version }) => [version])
    return { items: items.map((item) => toVersion(item, row.published_version)), next }
  })
}

function getResourceSchema(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'getResourceSchema',
    summary: '记录的 JSON Schema(2020-12)/ JSON Schema of a record',
    tags,
    params: IdParams,
    response: { 200: Type.Object({}, { description: 'JSON Schema 2020-12' }) },
  }
  app.get('/resources/:id/schema', { schema }, async ({ caller, params }) => {
    const seen = await see(database.resources, caller, params.id)
    const { title, version } = toResource(seen)
    const id = `urn:shuqiao:resource:${params.id}:${version}`
    return fieldsToJsonSchema(fieldsSeen(seen), { title, id })
  })
}
