import {
  ChangesAnswer,
  ChangesQuery,
  ListBody,
  ListQuery,
  QueryAnswer,
  QueryBody,
  ReadBody,
  ReadQuery,
  RecordAnswer,
  RecordPage,
  RecordParams,
  ResourceParams,
  VerifyAnswer,
  VerifyBody,
} from '../../../schemas/api/records.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { readFields } from './call-context.ts'
import { followChanges } from './follow-changes.ts'
import { listGrantedRecords } from './list-records.ts'
import { queryRecords } from './query-records.ts'
import { readRecord } from './read-records.ts'
import type { Sharing } from './sharing.ts'
import { verifyClaims } from './verify-claims.ts'

const tags = ['records']

/** Taking records out. POST forms lead, for URLs end up in other people's logs (pitfalls, 14). */
export const recordRoutes =
  (sharing: Sharing): ApiRoutes =>
  async (app) => {
    postRead(app, sharing)
    getRead(app, sharing)
    postList(app, sharing)
    getList(app, sharing)
    postQuery(app, sharing)
    postVerify(app, sharing)
    getChanges(app, sharing)
  }

function postRead(app: Api, sharing: Sharing): void {
  const schema = {
    operationId: 'readRecord',
    summary: '按键读取一条记录 / Read one record by a key',
    tags,
    params: ResourceParams,
    body: ReadBody,
    response: { 200: RecordAnswer },
  }
  app.post('/resources/:id/records/read', { schema }, (request, reply) =>
    readRecord(sharing, { request, reply, resource: request.params.id, body: request.body }),
  )
}

function getRead(app: Api, sharing: Sharing): void {
  const schema = {
    operationId: 'getRecord',
    summary: '按键读取一条记录(键不敏感时)/ The same, where keys are not personal',
    tags,
    params: RecordParams,
    querystring: ReadQuery,
    response: { 200: RecordAnswer },
  }
  app.get('/resources/:id/records/:key', { schema }, (request, reply) => {
    const { id: resource, key } = request.params
    const fields = readFields(request.query.fields)
    return readRecord(sharing, {
      request,
      reply,
      resource,
      body: { key, ...(fields && { fields }) },
    })
  })
}

function postList(app: Api, sharing: Sharing): void {
  const schema = {
    operationId: 'listRecords',
    summary: '按信息项等值查询 / Records whose fields equal the given values',
    tags,
    params: ResourceParams,
    body: ListBody,
    response: { 200: RecordPage },
  }
  app.post('/resources/:id/records/list', { schema }, (request, reply) =>
    listGrantedRecords(sharing, {
      request,
      reply,
      resource: request.params.id,
      body: request.body,
    }),
  )
}

function getList(app: Api, sharing: Sharing): void {
  const schema = {
    operationId: 'getRecords',
    summary: '按信息项等值查询,?<信息项>=<值> / The same with a query string',
    tags,
    params: ResourceParams,
    querystring: ListQuery,
    response: { 200: RecordPage },
  }
  app.get('/resources/:id/records', { schema }, (request, reply) => {
    const { limit, after, fields: fieldsText, ...where } = request.query
    const fields = readFields(fieldsText)
    const body: ListBody = {
      where,
      ...(limit !== undefined && { limit }),
      ...(after !== undefined && { after }),
      ...(fields && { fields }),
    }
    return listGrantedRecords(sharing, { request, reply, resource: request.params.id, body })
  })
}

function postQuery(app: Api, sharing: Sharing): void {
  const schema = {
    operationId: 'queryRecords',
    summary: '批量按键查询,至多 500 键 / Up to 500 keys at once, answered in order',
    tags,
    params: ResourceParams,
    body: QueryBody,
    response: { 200: QueryAnswer },
  }
  app.post('/resources/:id/records/query', { schema }, (request, reply) =>
    queryRecords(sharing, { request, reply, resource: request.params.id, body: request.body }),
  )
}

function postVerify(app: Api, sharing: Sharing): void {
  const schema = {
    operationId: 'verifyClaims',
    summary: '核验:只答是否一致,不给出记录 / Whether claims are true, without the record',
    tags,
    params: ResourceParams,
    body: VerifyBody,
    response: { 200: VerifyAnswer },
  }
  app.post('/resources/:id/verify', { schema }, (request, reply) =>
    verifyClaims(sharing, { request, reply, resource: request.params.id, body: request.body }),
  )
}

function getChanges(app: Api, sharing: Sharing): void {
  const schema = {
    operationId: 'followChanges',
    summary: '游标之后的全部变更 / Every change after a cursor, in order',
    tags,
    params: ResourceParams,
    querystring: ChangesQuery,
    response: { 200: ChangesAnswer },
  }
  app.get('/resources/:id/changes', { schema }, (request, reply) =>
    followChanges(sharing, { request, reply, resource: request.params.id, query: request.query }),
  )
}
