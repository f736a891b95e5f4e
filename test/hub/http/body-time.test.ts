import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/hub/config.ts'
import type { Api } from '../../../src/hub/http/api.ts'
import { limitBodyTime } from '../../../src/hub/http/body-time.ts'
import { createApi } from '../../../src/hub/http/create-api.ts'

let app: Api
let port: number
beforeAll(async () => {
  app = createApi({ http: loadConfig({}).http, log: { level: 'silent' } })
  // The kernel of a busy machine may hand bytes on late: a short silence is no sign of a caller who stopped.
  limitBodyTime(app, { bodyMsMax: 50, silenceMsMax: 1000, lookEveryMs: 10 })
  app.addContentTypeParser('application/x-ndjson', (_request, payload, done) => done(null, payload))
  app.post('/plain', ({ body }) => ({ body }))
  app.post('/stream', { config: { streaming: true } }, async ({ body }) => {
    let bytes = 0
    let hasWaited = false
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes <= 100_000 || hasWaited) continue
      // Longer than any silence allowed: that is the hub's doing, not the caller's.
      hasWaited = true
      await new Promise((resolve) => setTimeout(resolve, 2500))
    }
    return { bytes }
  })
  port = Number(new URL(await app.listen({ port: 0 })).port)
})
afterAll(() => app.close())

function open(path: string, type: string, length: number) {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A cut while bytes are on their way may reach the caller as a reset: cut off just the same, and `close` follows.
  socket.on('error', () => undefined)
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`,
  )
  const closed = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()))
  })
  return { socket, closed }
}

test('an ordinary body that does not come in time is cut off, even when bytes trickle in', async () => {
  const { socket, closed } = open('/plain', 'application/json', 1000)
  const trickle = setInterval(() => socket.write(' '), 10)
  const answer = await closed
  clearInterval(trickle)
  expect(answer).not.toContain('200 OK')
})

test('a streamed body that stops coming is cut off', async () => {
  const { socket, closed } = open('/stream', 'application/x-ndjson', 1000)
  socket.write('{}')
  expect(await closed).not.toContain('200 OK')
})

test('a streamed body that keeps coming may take as long as it needs, also when the hub is slow', async () => {
  const bytes = 1_000_000
  const { socket, closed } = open('/stream', 'application/x-ndjson', bytes)
  socket.write(Buffer.alloc(bytes, 0x20))
  expect(await closed).toContain(`{"bytes":${bytes}}`)
})
