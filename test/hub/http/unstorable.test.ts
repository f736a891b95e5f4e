import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await buildTestHub()
})
afterAll(() => hub.close())

test('refuses U+0000 in a body, which PostgreSQL cannot store', async () => {
  const body = { id: 'nul', name: 'a\u0000b', division: '430182' }
  const answer = await hub.call('POST', '/v1/departments', { token: hub.adminToken, body })
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({
    code: 'request-invalid',
    errors: [{ pointer: '/name', code: 'char-not-storable' }],
  })
})

test('refuses half of a surrogate pair, and takes a whole one', async () => {
  const send = (name: string, id: string) =>
    hub.call('POST', '/v1/departments', {
      token: hub.adminToken,
      headers: { 'content-type': 'application/json' },
      body: `{"id":"${id}","name":"${name}","division":"430182"}`,
    })
  expect((await send('\\ud842', 'half')).json()).toMatchObject({ errors: [{ pointer: '/name' }] })
  expect((await send('\\ud842\\udfb7', 'whole')).statusCode).toBe(201)
})

test('takes a backslash before the letters u0000 for what it is', async () => {
  const body = { id: 'backslash', name: 'a\\u0000b', division: '430182' }
  const answer = await hub.call('POST', '/v1/departments', { token: hub.adminToken, body })
  expect(answer.statusCode).toBe(201)
})

test.each(['/v1/departments?after=%00', '/v1/resources/x%00y', '/v1/departments/%00'])(
  'refuses U+0000 in an address: %s',
  async (url) => {
    const answer = await hub.call('GET', url, { token: hub.adminToken })
    expect(answer.json()).toMatchObject({ code: 'request-invalid', status: 400 })
  },
)

test('refuses a body that is not UTF-8, instead of keeping other text than was sent', async () => {
  const gb18030 = Buffer.from([0xca, 0xfd, 0xc7, 0xc5]) // 数桥
  const body = Buffer.concat([
    Buffer.from('{"id":"gb","division":"430182","name":"'),
    gb18030,
    Buffer.from('"}'),
  ])
  const answer = await hub.app.inject({
    method: 'POST',
    url: '/v1/departments',
    headers: { authorization: `Bearer ${hub.adminToken}`, 'content-type': 'application/json' },
    payload: body,
  })
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code: 'request-invalid' })
  expect(answer.json().detail).toContain('UTF-8')
})
