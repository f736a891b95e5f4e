import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

interface Operation {
  operationId?: string
  summary?: string
  tags?: string[]
  security?: unknown[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, unknown> }>
}
interface Media {
  example?: unknown
  examples?: Record<string, unknown>
  schema: { examples?: unknown[] }
}

let hub: TestHub
let document: { openapi: string; paths: Record<string, Record<string, Operation>> }
beforeAll(async () => {
  hub = await buildTestHub()
  document = (await hub.call('GET', '/openapi.json')).json()
})
afterAll(() => hub.close())

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

test('the document is OpenAPI 3.1 and has every route, and no other', () => {
  expect(document.openapi).toMatch(/^3\.1/)
  const served = hub.app.servedRoutes
    .filter(({ isDescribed }) => isDescribed)
    .map(
      ({ method, url }) =>
        `${method} ${url.replaceAll(/:(\w+)|\*/g, (name, param = name) => `{${param}}`)}`,
    )
  const described = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`)
  expect(described.toSorted()).toEqual(served.toSorted())
  expect(described.length).toBeGreaterThan(20)
})

test('no route of /v1 is left out of the document', () => {
  const hidden = hub.app.servedRoutes.filter(({ isDescribed }) => !isDescribed)
  expect(hidden.filter(({ url }) => url.startsWith('/v1'))).toEqual([])
})

test('every operation has an id of its own, a summary and a tag', () => {
  const ids = operations().map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(ids.length)
  const nameless = operations().filter(
    ({ operation: { operationId, summary, tags } }) => !operationId || !summary || !tags?.length,
  )
  expect(nameless.map(({ path }) => path)).toEqual([])
})

test('every body has an example', () => {
  const bare = operations().filter(({ operation }) =>
    Object.values(operation.requestBody?.content ?? {}).some(
      (media) =>
        !media.example && !media.examples && !JSON.stringify(media.schema).includes('"examples"'),
    ),
  )
  expect(bare.map(({ path, method }) => `${method} ${path}`)).toEqual([])
})

test('every operation that wants a token says so, and which problems it gives', () => {
  for (const { path, operation } of operations()) {
    const isOpen = operation.security?.length === 0
    expect([path, isOpen || '401' in operation.responses]).toEqual([path, true])
    expect(operation.responses['500']?.content).toHaveProperty(['application/problem+json'])
  }
  expect(document.paths['/v1/me']?.['get']?.security).toEqual([{ bearer: [] }])
})

test('every reference in the document leads somewhere', () => {
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)
  for (const [, path = ''] of references) {
    const found = path.split('/').reduce<unknown>((at, step) => (at as never)?.[step], document)
    expect([path, typeof found]).toEqual([path, 'object'])
  }
})

test('the page to read it comes from this server alone', async () => {
  const outside = /(?:src|href|action)=["']?https?:|url\(["']?https?:|@import/
  const page = await hub.call('GET', '/docs/')
  expect(page.statusCode).toBe(200)
  expect(page.body).not.toMatch(/https?:\/\//)
  const policy = String(page.headers['content-security-policy'])
  expect(policy).toMatch(/default-src 'self'/)
  expect(policy).not.toMatch(/https?:|\*/)
  for (const asset of ['swagger-initializer.js', 'swagger-ui.css', 'index.css']) {
    const answer = await hub.call('GET', `/docs/static/${asset}`)
    expect(answer.statusCode).toBe(200)
    const code = answer.body
      .split('\n')
      .filter((line) => !/^\s*\/\//.test(line))
      .join('\n')
    expect([asset, outside.test(code)]).toEqual([asset, false])
    if (asset.endsWith('initializer.js')) expect(code).toMatch(/"?validatorUrl"?: ?null/)
    if (asset.endsWith('initializer.js')) expect(code).not.toMatch(/https?:\/\//)
  }
  expect(JSON.stringify(document)).not.toMatch(/https?:\/\/(?!\{)/)
})
