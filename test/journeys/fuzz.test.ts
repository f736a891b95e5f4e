import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seeded } from '../../scripts/soak/seeded.ts'
import { problems } from '../../schemas/api/problems.ts'
import { buildTestHub, type TestHub } from '../support/hub.ts'
import { publishPlain } from '../support/resources.ts'

let hub: TestHub
let port: number
let machineToken: string

beforeAll(async () => {
  hub = await buildTestHub()
  await hub.makeDepartment('department')
  machineToken = await hub.makeSystem('machine', 'department')
  await publishPlain(hub, { id: 'things', provider: 'department' })
  await hub.app.listen({ host: '127.0.0.1', port: 0 })
  port = (hub.app.server.address() as AddressInfo).port
})

afterAll(() => hub.close())

const random = seeded(20_261_121)
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T

const brokenTexts: readonly (() => Buffer)[] = [
  () => Buffer.from([0xff, 0xfe, 0xfd, 0x0a, 0xc3, 0x28]),
  () => Buffer.from('{"thing":"a\u0000b","amount":"1"}\n'),
  () => Buffer.from(`${'['.repeat(50_000)}${']'.repeat(50_000)}`),
  () => Buffer.from(`{"thing":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}\n`),
  () => Buffer.from('{"thing":1e400,"amount":-1e-400}\n'),
  () => Buffer.from(`{"thing":"x","amount":"${'9'.repeat(5000)}"}\n`),
  () => Buffer.from(`{"thing":123456789012345678901234567890,"amount":"1"}\n`),
  () =>
    Buffer.from('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}\n'),
  () => Buffer.from('{"thing":"__proto__","toString":"x","hasOwnProperty":1}\n'),
  () => Buffer.from("thing,amount\n=cmd|' /C calc'!A0,@SUM(1+1)\n\"unclosed,1\n"),
  () => Buffer.from('thing,thing\n1,2\n'),
  () => Buffer.from(`${'column,'.repeat(3000)}last\n`),
  () => Buffer.from('thing\tamount\r\n\u{e000}\t\u{10ffff}\r\n'),
  () => Buffer.from('{"thing":"\\ud800","amount":"1"}\n'),
  () => Buffer.from('null\ntrue\n[]\n"text"\n{}\n,\n'),
  () => Buffer.from('{"thing":"a"'),
  () => Buffer.from(''),
  () => Buffer.from('\u0000'.repeat(1000)),
  () => Buffer.from(Array.from({ length: 400 }, () => Math.floor(random() * 256))),
  () => gzipSync(Buffer.from('{"thing":"a"}\n')).subarray(0, 12),
]

const mediaTypes = [
  'application/x-ndjson',
  'text/csv',
  'text/csv; charset=gb18030',
  'text/csv; charset=klingon',
  'application/json',
  'application/xml',
  'multipart/form-data; boundary=x',
  '',
  'a/b/c;;;=',
]

const encodings = ['gzip', 'zstd', 'br', 'identity', 'x'.repeat(200)]

const paths = [
  '/v1/resources/things/batches',
  '/v1/resources/things/batches?mode=changes',
  '/v1/resources/things/batches?mode=snapshot&dryRun=true',
  '/v1/resources/things/batches?mode=bogus',
  '/v1/resources/%00/batches',
  '/v1/resources/things/records/read',
  '/v1/resources/things/records/query',
  '/v1/resources/things/records/list',
  '/v1/resources/things/verify',
  '/v1/applications',
  '/v1/departments',
  '/v1/systems',
  '/v1/session',
  '/v1/resources',
  '/v1/audit/subjects',
  '/v1/runs/not-a-uuid/batches/1',
  '/v1/runs/00000000-0000-7000-8000-000000000000/batches/99999999999999999999',
  '/v1/resources/things/records/%F0%28%8C%28',
  `/v1/resources/${'a'.repeat(3000)}/records/x`,
]

const headerValues = [
  '%',
  '%E4%BD',
  '%00',
  'a'.repeat(5000),
  '\u00ff\u00fe',
  "' or 1=1 --",
  '${jndi:x}',
]

interface Shot {
  path: string
  method: string
  headers: Record<string, string>
  body: Buffer | null
}

function shoot(): Shot {
  const method = pick(['POST', 'POST', 'POST', 'PUT', 'GET', 'PATCH', 'DELETE', 'OPTIONS'])
  const headers: Record<string, string> = {
    authorization: `Bearer ${pick([machineToken, machineToken, hub.adminToken, hub.adminToken, 'sq_wrong', ''])}`,
  }
  const type = pick(mediaTypes)
  if (type !== '') headers['content-type'] = type
  if (random() < 0.2) headers['content-encoding'] = pick(encodings)
  if (random() < 0.3)
    headers[
      pick(['x-purpose', 'x-operator', 'idempotency-key', 'traceparent', 'accept', 'prefer'])
    ] = pick(headerValues)
  return { path: pick(paths), method, headers, body: method === 'GET' ? null : pick(brokenTexts)() }
}

test('answers 2,000 malformed calls with a problem of the table, never 500, in bounded memory', async () => {
  const before = process.memoryUsage().rss
  const strange: string[] = []
  for (let count = 0; count < 2000; count += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { path, method, headers, body } = shoot()
        const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
          method,
          headers,
          ...(body !== null && { body: new Uint8Array(body) }),
        })
        const text = await answer.text()
        if (answer.status < 400) return
        const code = problemCode(text)
        const isKnown = code !== null && Object.hasOwn(problems, code)
        if (answer.status >= 500 || !isKnown)
          strange.push(`${method} ${path} ${answer.status} ${text.slice(0, 200)}`)
      }),
    )
  }
  expect(strange).toEqual([])
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  expect(process.memoryUsage().rss - before).toBeLessThan(600 * 1024 * 1024)
  expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200)
})

function problemCode(text: string): string | null {
  try {
    return (JSON.parse(text) as { code: string }).code
  } catch {
    return null
  }
}

test('a line of 100 MB becomes one reject, and memory stays bounded', async () => {
  const before = process.memoryUsage().rss
  async function* longLine(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"thing":"good","amount":"1"}\n{"thing":"')
    for (let megabyte = 0; megabyte < 100; megabyte += 1) yield Buffer.alloc(1024 * 1024, 0x61)
    yield Buffer.from('"}\n{"thing":"better","amount":"2"}\n')
  }
  const answer = await fetch(`http://127.0.0.1:${port}/v1/resources/things/batches`, {
    method: 'POST',
    headers: { authorization: `Bearer ${machineToken}`, 'content-type': 'application/x-ndjson' },
    body: longLine(),
    duplex: 'half',
  })
  const content = (await answer.json()) as {
    counts: Record<string, number>
    rejects: { code: string }[]
  }
  expect(content.counts).toMatchObject({ read: 3, inserted: 2, rejected: 1 })
  expect(content.rejects[0]?.code).toBe('row-too-large')
  expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024)
})

const rawRequests = [
  'GET / HTTP/9.9\r\n\r\n',
  'POST /v1/departments HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
  'POST /v1/departments HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /v1/departments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n',
  `GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(100_000)}\r\n\r\n`,
  'GET /v1/me HTTP/1.1\r\nHost: x\r\nBad\u0000Header: 1\r\n\r\n',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  'garbage\r\n\r\n',
]

test.each(rawRequests)(
  'a broken request line or header ends that connection alone (%#)',
  async (raw) => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.end(Buffer.from(raw, 'latin1')))
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString('latin1')))
      socket.on('close', () => resolve(text))
      socket.on('error', () => resolve(text))
    })
    expect(answer).not.toMatch(/^HTTP\/1\.1 5\d\d/)
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200)
  },
)
