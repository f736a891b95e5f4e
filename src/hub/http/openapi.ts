import swagger from '@fastify/swagger'
import { Problem } from '../../../schemas/api/common.ts'
import type { Api } from './api.ts'
import { serveLate } from './inner-app.ts'
import { problemMediaType } from './problem.ts'

/** What an operation tells of itself, beside its body, query and answers. */
declare module 'fastify' {
  interface FastifyInstance {
    /** Every route as registered: a test holds it equal to the OpenAPI document. */
    servedRoutes: { method: string; url: string; isDescribed: boolean }[]
  }
}

const description =
  '政务数据共享交换枢纽。凭 `Authorization: Bearer <令牌>` 调用;错误一律为 `application/problem+json`(RFC 9457)。\n\n' +
  'The sharing and exchange hub between departments. Call with a bearer token; every error is a problem of RFC 9457.'

/** `/openapi.json` and `/docs`. Must be registered before the routes it describes. */
export async function describeApi(app: Api): Promise<void> {
  app.decorate('servedRoutes', [])
  app.addSchema(Problem)
  app.addHook('onRoute', (route) => {
    const methods = [route.method].flat()
    const isDescribed = route.schema?.hide !== true
    for (const method of methods) app.servedRoutes.push({ method, url: route.url, isDescribed })
    if (isDescribed && route.schema) {
      route.schema = {
        ...route.schema,
        security: route.config?.anonymous ? [] : [{ bearer: [] }],
        response: Object.assign({}, route.schema.response, problemResponses(route)),
      }
    }
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: '数桥 Shuqiao', version: '1', description },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'] : `schema-${index}`,
    },
  })
  await app.register(serveDocument)
}

async function serveDocument(app: Api): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, anonymous: true }
  })
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) =>
    reply.type('application/json').send(document(app)),
  )
  const pages = async () => (await import('./document-pages.ts')).documentPages(app)
  await app.register(async (docs) => serveLate(docs, pages), { prefix: '/docs' })
}

/** Made once: routes do not change while the hub runs. */
function document(app: Api): string {
  const made = documents.get(app) ?? JSON.stringify(app.swagger())
  documents.set(app, made)
  return made
}
const documents = new WeakMap<object, string>()

interface DescribedRoute {
  schema?: { body?: unknown; querystring?: unknown; params?: unknown }
  config?: { anonymous?: boolean }
}

/** The refusals that any route of this shape can give; what more it can give is in the problem table. */
function problemResponses(route: DescribedRoute): Record<string, unknown> {
  const { body, querystring, params } = route.schema ?? {}
  const statuses = [
    ...(body || querystring || params ? [400] : []),
    ...(route.config?.anonymous ? [] : [401, 403]),
    ...(params ? [404] : []),
    ...(body ? [409, 413, 415] : []),
    429,
    500,
    503,
  ]
  return Object.fromEntries(statuses.map((status) => [status, problemResponse(status)]))
}

const problemNames: Record<number, string> = {
  400: '请求不合规 / invalid request',
  401: '凭据无效 / credentials invalid',
  403: '不允许 / not allowed',
  404: '未找到 / not found',
  409: '与现状冲突 / conflicts with the present state',
  413: '内容过大 / too large',
  415: '媒体类型不支持 / media type not supported',
  429: '过于频繁 / too many calls',
  500: '内部错误 / internal error',
  503: '暂不可用 / unavailable',
}

const problemResponse = (status: number): unknown => ({
  description: problemNames[status],
  content: { [problemMediaType]: { schema: { $ref: 'Problem#' } } },
})
