import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEmptyDatabase } from '../support/database.ts'

const program = join(import.meta.dirname, '../../scripts/start.ts')
let dataDir: string
let empty: Awaited<ReturnType<typeof createEmptyDatabase>>
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-start-'))
  empty = await createEmptyDatabase()
})
afterAll(async () => {
  await empty.drop()
  rmSync(dataDir, { recursive: true, force: true })
})

interface Started {
  child: ChildProcess
  output: () => string
  exitCode: Promise<number | null>
}

function start(settings: Record<string, string>, ...options: string[]): Started {
  const env = {
    PATH: process.env['PATH'],
    SHUQIAO_PORT: '0',
    SHUQIAO_DATA_DIR: dataDir,
    SHUQIAO_DATABASE_URL: empty.urls.app,
    SHUQIAO_MIGRATION_URL: empty.urls.owner,
    SHUQIAO_ADMIN_TOKEN: 'start-token',
    SHUQIAO_LOG_LEVEL: 'silent',
    ...settings,
  }
  const child = spawn(process.execPath, [program, ...options], { env, stdio: 'pipe' })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  // Not `exit`: what it said last may come behind that.
  const exitCode = once(child, 'close').then(([code]) => code as number | null)
  return { child, output: () => text, exitCode }
}

async function untilListening({ output, exitCode }: Started): Promise<URL> {
  const ended = exitCode.then(() => true)
  for (;;) {
    const line = /Shuqiao listening on (http:\S+)/.exec(output())
    if (line?.[1]) return new URL(line[1])
    const isEnded = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))])
    if (isEnded) throw new Error(output())
  }
}

/** Everything that comes over a socket until it ends. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A reset ends it too, and `close` follows.
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.on('close', resolve))
  return Buffer.concat(chunks).toString()
}

/** A check that a pause of the machine kept from answering in time is asked again. */
async function readiness(url: URL): Promise<unknown> {
  for (;;) {
    const text = await (await fetch(new URL('/readyz', url))).text()
    if (!text.includes('无应答')) return JSON.parse(text)
  }
}

const body = JSON.stringify({ token: 'start-token' })
const signInHead =
  `POST /v1/session HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${body.length}\r\n\r\n`

test('the hub starts, serves, and on SIGTERM, twice, finishes what is in flight and exits with 0', async () => {
  const hub = start({})
  const url = await untilListening(hub)
  expect(await readiness(url)).toMatchObject({ ready: true, warnings: [] })

  const overlong = connect(Number(url.port), url.hostname)
  overlong.write(`GET /livez HTTP/1.1\r\nHost: hub\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`)
  const refused = await readAll(overlong)
  expect(refused).toMatch(/^HTTP\/1\.1 400 /)
  expect(JSON.parse(refused.split('\r\n\r\n')[1] ?? '')).toMatchObject({
    code: 'request-invalid',
  })

  const inFlight = connect(Number(url.port), url.hostname)
  inFlight.write(signInHead + body.slice(0, 5))
  const answered = readAll(inFlight)
  await fetch(new URL('/livez', url)) // by now the other call has been taken up
  hub.child.kill('SIGTERM')
  hub.child.kill('SIGTERM')
  await untilRefused(url)
  inFlight.write(body.slice(5))
  expect(await answered).toMatch(/^HTTP\/1\.1 201 [\s\S]*"signedIn":true/)
  expect(await hub.exitCode).toBe(0)
})

/** No new connection is taken any more. */
async function untilRefused(url: URL): Promise<void> {
  for (;;) {
    const socket = connect(Number(url.port), url.hostname)
    const outcome = await new Promise((resolve) => {
      socket.once('connect', () => resolve('connected'))
      socket.once('error', () => resolve('refused'))
    })
    socket.destroy()
    if (outcome === 'refused') return
  }
}

test('a second start keeps the first admin, whatever the setting says, and SIGINT ends it as well', async () => {
  const hub = start({ SHUQIAO_ADMIN_TOKEN: 'other-token' })
  const url = await untilListening(hub)
  const me = async (token: string) =>
    (await fetch(new URL('/v1/me', url), { headers: { authorization: `Bearer ${token}` } })).status
  expect(await me('start-token')).toBe(200)
  expect(await me('other-token')).toBe(401)
  hub.child.kill('SIGINT')
  expect(await hub.exitCode).toBe(0)
})

test('a port in use is said in plain words, without a stack', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const hub = start({ SHUQIAO_PORT: String(port) })
  expect(await hub.exitCode).toBe(1)
  expect(hub.output()).toContain(`127.0.0.1:${port} is in use`)
  expect(hub.output()).not.toMatch(/^\s+at /m)
  server.close()
})

test('faulty settings are all named, and --help names the settings', async () => {
  const faulty = start({ SHUQIAO_PORT: 'x', SHUQIAO_LOG_LEVEL: 'loud' })
  expect(await faulty.exitCode).toBe(1)
  expect(faulty.output()).toMatch(
    /SHUQIAO_PORT[\s\S]*SHUQIAO_LOG_LEVEL|SHUQIAO_LOG_LEVEL[\s\S]*SHUQIAO_PORT/,
  )
  const help = start({}, '--help')
  expect(await help.exitCode).toBe(0)
  expect(help.output()).toContain('SHUQIAO_DATABASE_URL')
})
