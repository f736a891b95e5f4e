import type { LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorld, freshResource, type World } from '../sharing/support.ts'

let world: World
beforeAll(async () => {
  world = await buildWorld()
  await freshResource(world)('malformed')
})
afterAll(() => world.hub.close())

const path = '/v1/resources/malformed/records/read'

/** Of a system that is known; the body goes out byte for byte. */
const send = (payload: string | undefined, headers: Record<string, string> = {}) =>
  world.hub.app.inject({
    method: 'POST',
    url: path,
    ...(payload !== undefined && { payload }),
    headers: {
      authorization: `Bearer ${world.desk}`,
      'content-type': 'application/json',
      'x-purpose': 'item-1',
      'x-operator': 'operator',
      ...headers,
    },
  })

const calls: Record<string, () => Promise<LightMyRequestResponse>> = {
  'a body that is no JSON': () => send('{"key": "p1"'),
  'a body that is no UTF-8 text of JSON': () => send('\u0000\u0001'),
  'no body': () => send(undefined),
  'an empty body': () => send(''),
  'a body of another media type': () => send('<key/>', { 'content-type': 'application/xml' }),
  'a body of a media type that is none': () => send('{"key":"p1"}', { 'content-type': ';;' }),
  'a body that is too large': () => send(JSON.stringify({ key: 'x'.repeat(30_000_000) })),
  'a key that would change the prototype': () => send('{"__proto__": {"key": "p1"}}'),
  'an unknown method': () =>
    world.hub.app.inject({
      method: 'PATCH',
      url: path,
      headers: { authorization: `Bearer ${world.desk}` },
    }),
}

test.each(Object.entries(calls))('%s is refused, and is one entry in the log', async (_, call) => {
  const before = world.hub.entries.length
  const answer = await call()
  expect(answer.statusCode).toBeGreaterThanOrEqual(400)
  expect(answer.statusCode).toBeLessThan(500)
  expect(world.hub.entries.slice(before)).toHaveLength(1)
  const id = String(answer.headers['x-audit-id'])
  const entry = await world.call(world.hub.adminToken, 'GET', `/audit/entries/${id}`)
  expect(entry.json().facts).toMatchObject({
    system: 'desk',
    outcome: expect.stringMatching(/^(failed|absent)$/),
    code: answer.json().code,
  })
})

test('an address that cannot be read is refused, and counted among the calls of nobody', async () => {
  const before = world.hub.entries.length
  const answer = await world.hub.app.inject({
    method: 'GET',
    url: '/v1/resources/%E0%A4%A/schema',
    headers: { authorization: `Bearer ${world.desk}` },
  })
  expect(answer.statusCode).toBe(400)
  expect(answer.json().code).toBe('request-invalid')
  expect(world.hub.entries.slice(before)).toMatchObject([
    { outcome: 'failed', code: 'request-invalid', operation: 'unknownRoute' },
  ])
})
