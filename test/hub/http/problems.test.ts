import { Type } from 'typebox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closed } from '../../../schemas/api/common.ts'
import { type ProblemCode, problems } from '../../../schemas/api/problems.ts'
import { Refusal } from '../../../src/shared/refusal.ts'
import type { Api } from '../../../src/hub/http/api.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

const Sample = closed({
  name: Type.String({ maxLength: 5 }),
  count: Type.Integer(),
  'a/b~c': Type.Optional(Type.String()),
  rows: Type.Optional(Type.Array(closed({ id: Type.Integer() }))),
})

function addRoutes(app: Api): void {
  const anonymous = { anonymous: true }
  app.post('/v1/sample', { schema: { body: Sample }, config: anonymous }, ({ body }) => body)
  const querystring = Type.Object({ limit: Type.Optional(Type.Integer()) })
  app.get('/v1/sample', { schema: { querystring }, config: anonymous }, ({ query }) => query)
  app.get('/v1/bug', { config: anonymous }, () => {
    throw new Error('secret detail 110101199003070000')
  })
  app.get('/v1/refused/:code', { config: anonymous }, ({ params }) => {
    throw new Refusal((params as { code: ProblemCode }).code)
  })
  app.get('/v1/slow-statement', { config: anonymous }, () =>
    app.hub.database.knex.transaction(async (tx) => {
      await tx.raw(`set local statement_timeout = '10ms'`)
      await tx.raw('select pg_sleep(5)')
    }),
  )
  app.get('/v1/no-database', { config: anonymous }, () => {
    throw Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
  })
  app.get('/v1/ready-made', { config: anonymous }, (_request, reply) =>
    reply.type('application/json').send('{"ready":"made"}'),
  )
}

let hub: TestHub
beforeAll(async () => {
  hub = await buildTestHub({ extend: addRoutes, http: { bodyBytesMax: 2000 } })
})
afterAll(() => hub.close())

const post = (body: unknown, type = 'application/json') =>
  hub.call('POST', '/v1/sample', { body, headers: { 'content-type': type } })

test('a problem has every member of the contract, and its own media type', async () => {
  const answer = await hub.call('GET', '/v1/nothing-here')
  expect(answer.statusCode).toBe(404)
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(answer.json()).toEqual({
    type: '/problems/not-found',
    title: problems['not-found'].title,
    status: 404,
    detail: expect.stringContaining('/'),
    instance: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/),
    code: 'not-found',
  })
})

test('all faults of a body come at once, each at its own pointer', async () => {
  const answer = await post({ count: '3', extra: 1, 'x/y~z': 2, rows: [{ id: 1 }, { di: 2 }] })
  expect(answer.statusCode).toBe(400)
  const { code, errors } = answer.json()
  expect(code).toBe('request-invalid')
  const found = errors.map(({ pointer, code }: Record<string, string>) => `${pointer} ${code}`)
  expect(found.toSorted()).toEqual([
    '/count type',
    '/extra field-unknown',
    '/name required',
    '/rows/1/di field-unknown',
    '/rows/1/id required',
    '/x~1y~0z field-unknown',
  ])
  for (const { message } of errors) expect(message).toMatch(/[\u4e00-\u9fff].* \/ .*[a-z]/)
})

test('of a body with hundreds of faults fifty are reported', async () => {
  const answer = await post({ name: 'a', count: 1, rows: Array.from({ length: 200 }, () => 1) })
  expect(answer.json().errors).toHaveLength(50)
})

test('bodies are never coerced, query strings are', async () => {
  expect((await post({ name: 5, count: 1 })).statusCode).toBe(400)
  expect((await post({ name: null, count: true })).json().errors).toHaveLength(2)
  expect((await hub.call('GET', '/v1/sample?limit=7')).json()).toEqual({ limit: 7 })
  expect((await hub.call('GET', '/v1/sample?limit=seven')).json().code).toBe('request-invalid')
})

test('an unknown field is refused, not dropped', async () => {
  const answer = await post({ name: 'a', count: 1, admin: true })
  expect(answer.json().errors).toEqual([
    { pointer: '/admin', code: 'field-unknown', message: expect.any(String) },
  ])
})

test.each([
  ['broken JSON', '{"name":', 'application/json', 'request-invalid'],
  ['no body', '', 'application/json', 'request-invalid'],
  ['a body without a type', undefined, 'application/json', 'request-invalid'],
  [
    '__proto__ in a body',
    '{"__proto__":{"a":1},"name":"a","count":1}',
    'application/json',
    'request-invalid',
  ],
  ['text', 'name', 'text/plain', 'media-type-unsupported'],
  ['a form', 'name=a', 'application/x-www-form-urlencoded', 'media-type-unsupported'],
  ['nonsense as Content-Type', '{}', 'json', 'media-type-unsupported'],
  [
    'a body too large',
    JSON.stringify({ name: 'x'.repeat(3000) }),
    'application/json',
    'payload-too-large',
  ],
])('%s is answered by a problem of the table', async (_name, body, type, code) => {
  const answer = await post(body, type)
  expect(answer.json()).toMatchObject({ code, status: problems[code as ProblemCode].status })
  expect(answer.statusCode).toBe(answer.json().status)
})

test('a malformed URL and a method that no route has are problems too', async () => {
  expect((await hub.call('GET', '/v1/%zz')).json().code).toBe('request-invalid')
  expect((await hub.call('DELETE', '/v1/sample')).json().code).toBe('not-found')
})

test('a bug answers internal: its words are in the log, and without what looks like an identity number', async () => {
  const answer = await hub.call('GET', '/v1/bug')
  expect(answer.statusCode).toBe(500)
  expect(answer.body).not.toContain('secret')
  const line = hub.logLines.find((line) => line.includes('secret detail'))
  expect(line).toContain(answer.json().instance.slice('urn:uuid:'.length))
  expect(line).not.toContain('110101199003070000')
})

test.each(['/v1/slow-statement', '/v1/no-database'])(
  'a database that cannot serve is unavailable, with when to come back (%s)',
  async (url) => {
    const answer = await hub.call('GET', url)
    expect(answer.json()).toMatchObject({ code: 'unavailable', status: 503 })
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  },
)

test('every code of the table has its status and a page that describes it', async () => {
  for (const code of Object.keys(problems) as ProblemCode[]) {
    const answer = await hub.call('GET', `/v1/refused/${code}`)
    expect([code, answer.statusCode]).toEqual([code, problems[code].status])
    const page = await hub.call('GET', answer.json().type)
    expect(page.json()).toEqual({ type: `/problems/${code}`, code, ...problems[code] })
  }
  expect((await hub.call('GET', '/problems/toString')).json().code).toBe('not-found')
})

test('what can be tried again says when', async () => {
  for (const code of ['rate-limited', 'unavailable']) {
    const answer = await hub.call('GET', `/v1/refused/${code}`)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  }
})

test('a handler may send JSON that it made itself', async () => {
  const answer = await hub.call('GET', '/v1/ready-made')
  expect(answer.json()).toEqual({ ready: 'made' })
  expect(answer.headers['content-type']).toMatch(/^application\/json/)
})
