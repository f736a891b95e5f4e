import { Type } from 'typebox'
import { page, pageQuery } from '../../../schemas/api/common.ts'
import {
  CodeTable,
  CodeTableSummary,
  type CodeTableEntry,
  Standard,
  StandardSummary,
} from '../../../schemas/api/standards.ts'
import type { Standard as StandardShape } from '../../../schemas/field.ts'
import { Refusal } from '../../shared/refusal.ts'
import { fieldsToJsonSchema, standards } from '../../shared/standards.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { decodeNumberCursor, toPage } from '../http/cursors.ts'
import { pageLimitDefault } from '../../../schemas/api/common.ts'
import { allCodeTables, codeEntries, findTable } from './code-table-views.ts'

const tags = ['catalog']
const listQuery = Type.Object(pageQuery)

export const standardRoutes = (): ApiRoutes => async (app) => {
  listStandards(app)
  getStandard(app)
  listCodeTables(app)
  getCodeTable(app)
}

function listStandards(app: Api): void {
  const schema = {
    operationId: 'listStandards',
    summary: '数据标准 / Data standards',
    tags,
    querystring: listQuery,
    response: { 200: page(StandardSummary) },
  }
  app.get('/standards', { schema }, async ({ query }) => {
    const { items, next } = slice([...standards().values()], query)
    return { items: items.map(toSummary), next }
  })
}

function getStandard(app: Api): void {
  const schema = {
    operationId: 'getStandard',
    summary: '一项数据标准及其 JSON Schema / One standard, with its JSON Schema',
    tags,
    params: Type.Object({ id: Type.String({ examples: ['population'] }) }),
    response: { 200: Standard },
  }
  app.get('/standards/:id', { schema }, async ({ params }) => {
    const standard = standards().get(params.id)
    if (!standard)
      throw new Refusal('not-found', `没有数据标准 ${params.id} / There is no such standard`)
    const { id, title, source, titleEn, keys, fields, requireAny } = standard
    const described = fieldsToJsonSchema(fields, { title, id: `urn:shuqiao:standard:${id}` })
    return {
      id,
      title,
      titleEn,
      source,
      keys,
      fields,
      requireAny,
      schema: described,
    }
  })
}

const toSummary = ({ id, title, titleEn, source, keys, fields }: StandardShape) => ({
  id,
  title,
  titleEn,
  source,
  keys,
  fieldCount: fields.length,
})

function listCodeTables(app: Api): void {
  const schema = {
    operationId: 'listCodeTables',
    summary: '码表 / Code tables',
    tags,
    querystring: listQuery,
    response: { 200: page(CodeTableSummary) },
  }
  app.get('/code-tables', { schema }, async ({ query }) => slice(allCodeTables(), query))
}

function getCodeTable(app: Api): void {
  const schema = {
    operationId: 'getCodeTable',
    summary: '一张码表,分页列出代码 / One code table, its codes by pages',
    description:
      '可用编号(`GB/T 2261.1`,须百分号编码)或短名(`gbt-2261-1`)/ By id, percent-encoded, or by slug.',
    tags,
    params: Type.Object({ id: Type.String({ examples: ['gbt-2261-1'] }) }),
    querystring: listQuery,
    response: { 200: CodeTable },
  }
  app.get('/code-tables/:id', { schema }, async ({ params, query }) => {
    const table = findTable(params.id)
    if (!table)
      throw new Refusal('not-found', `没有码表 ${params.id} / There is no such code table`)
    return { ...table, ...slice<CodeTableEntry>(codeEntries(table.id), query) }
  })
}

/** One page of a list that never changes while the hub runs: the cursor is a place in it. */
function slice<Item>(all: readonly Item[], query: { limit?: number; after?: string }) {
  const limit = query.limit ?? pageLimitDefault
  const from = query.after === undefined ? 0 : decodeNumberCursor(query.after)
  const rows = all.slice(from, from + limit + 1)
  return toPage(rows, limit, () => [from + limit])
}
