import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/hub/config.ts'
import type { Api } from '../../../src/hub/http/api.ts'
import { createApi } from '../../../src/hub/http/create-api.ts'

let app: Api
let port: number
beforeAll(async () => {
  app = createApi({ http: loadConfig({}).http, log: { level: 'silent' } })
  port = Number(new URL(await app.listen({ port: 0 })).port)
})
afterAll(() => app.close())

/** Writes chunk after chunk, whatever is answered meanwhile; gives all that came back. */
async function talk(chunks: Iterable<string>) {
  const socket = connect(port, '127.0.0.1')
  const answers: Buffer[] = []
  let failure: Error | undefined
  socket.on('data', (chunk: Buffer) => answers.push(chunk))
  socket.on('error', (error) => (failure = error))
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
  })
  for (const chunk of chunks) {
    socket.write(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  socket.end()
  await closed
  return { answer: Buffer.concat(answers).toString(), failure }
}

/**
 * The hub reads on for two seconds after its answer, and then resets: a talk that a pause of the machine drew
 * out beyond that says nothing of the answer, and is held again.
 */
async function talkBriskly(chunks: Iterable<string>) {
  for (;;) {
    const begunAt = performance.now()
    const heard = await talk(chunks)
    if (heard.failure === undefined || performance.now() - begunAt < 2000) return heard
  }
}

test.each([
  ['headers that are too long', 'GET /livez HTTP/1.1\r\nHost: hub\r\nX-Long: ', '请求头过长'],
  ['what is no HTTP at all', '数桥\r\n', '不是有效的 HTTP 请求'],
])(
  '%s are answered once and the answer arrives, however much still comes',
  async (_what, start, detail) => {
    const rest = Array.from({ length: 50 }, () => 'x'.repeat(40_000))
    const { answer, failure } = await talkBriskly([start, ...rest])
    expect(failure).toBeUndefined()
    const [head, body] = answer.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 400 /)
    expect(JSON.parse(body ?? '')).toMatchObject({
      code: 'request-invalid',
      detail: expect.stringContaining(detail),
    })
  },
)

test('whoever goes on after the answer is cut off', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
  })
  const trickle = setInterval(() => socket.write('x'), 20)
  socket.write('数桥\r\n')
  await closed
  clearInterval(trickle)
})
