import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { HttpSettings } from '../../../schemas/api/connectors.ts'
import { verifyDelivery } from '../../../src/shared/delivery-signature.ts'
import type { Target } from '../../../src/connectors/contract.ts'
import { openHttpTarget } from '../../../src/connectors/http/target.ts'
import { batchOf, endOf, fullValues, removal, shape, upsert } from './target-rows.ts'

interface Call {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

const signingKey = 'example-signing-key-0001'
let server: Server
let url = ''
let calls: Call[] = []
/** What the subscriber answers next, in turn; afterwards 204. A dropped connection is 0. */
let answers: { status: number; text?: string; headers?: Record<string, string> }[] = []
let open: Target[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      calls.push({ method, url, headers, body: Buffer.concat(pieces).toString() })
      const { status, text = '', headers: more = {} } = answers.shift() ?? { status: 204 }
      if (status === 0) request.socket.destroy()
      else response.writeHead(status, more).end(text)
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/inbox`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
})
beforeEach(() => {
  calls = []
  answers = []
})
afterEach(async () => {
  for (const target of open) await target.close()
  open = []
})

const openTarget = async (settings: Partial<HttpSettings> = {}): Promise<Target> => {
  const retry = { attempts: 2 }
  const target = openHttpTarget({ url, signingKey, retry, ...settings }, { filesDirs: [] })
  open.push(target)
  await target.prepare(shape)
  return target
}

const bodyOf = (call: Call | undefined): unknown => JSON.parse(call?.body ?? 'null')

describe('an interface as a target', () => {
  test('a batch is one POST in order, with all that a subscriber needs to take it once', async () => {
    const target = await openTarget({
      headers: { 'X-App': 'tax' },
      auth: { kind: 'bearer', token: 't0ken' },
    })
    await target.write(
      batchOf(1, [upsert('甲', 1, fullValues), removal('乙', 2)], { generation: 3 }),
    )
    await target.write(batchOf(2, []))
    expect(calls.map(({ method, url }) => [method, url])).toEqual([
      ['POST', '/inbox'],
      ['POST', '/inbox'],
    ])
    expect(calls[0]?.headers).toMatchObject({
      'x-app': 'tax',
      'content-type': 'application/json; charset=utf-8',
      'idempotency-key': 'population-to-tax-1',
      'x-shuqiao-delivery': 'population-to-tax',
      'x-shuqiao-batch': '1',
      authorization: 'Bearer t0ken',
    })
    expect(bodyOf(calls[0])).toEqual({
      delivery: 'population-to-tax',
      batch: 1,
      generation: 3,
      runId: 'run-1',
      sentAt: '2026-11-22T08:30:00.500Z',
      checkpoint: null,
      items: [
        { seq: 1, op: 'upsert', key: '甲', record: fullValues },
        { seq: 2, op: 'delete', key: '乙' },
      ],
      lastSeq: 2,
    })
    expect(bodyOf(calls[1])).toMatchObject({ batch: 2, items: [], lastSeq: null })
  })

  test('the subscriber can prove that the hub sent it, and nobody else', async () => {
    const target = await openTarget()
    await target.write(batchOf(7, [upsert('甲', 1, fullValues)]))
    await target.finish(endOf(2))
    const batches = [7, 'end'] as const
    for (const [index, batch] of batches.entries()) {
      const { headers, body }: Pick<Call, 'headers' | 'body'> = calls[index] ?? {
        headers: {},
        body: '',
      }
      const timestamp = Number(headers['x-shuqiao-timestamp'])
      const signed = { timestamp, delivery: 'population-to-tax', batch, body }
      const signature = String(headers['x-shuqiao-signature'])
      const proof = { key: signingKey, nowSeconds: timestamp }
      expect(headers['x-shuqiao-batch']).toBe(String(batch))
      expect(verifyDelivery(signed, signature, proof)).toBe(true)
      expect(verifyDelivery({ ...signed, body: `${body} ` }, signature, proof)).toBe(false)
    }
  })

  test('the end of a run is told, so that older generations can be dropped', async () => {
    const target = await openTarget()
    expect(await target.finish(endOf(4))).toEqual({ deletedCount: 0 })
    expect(bodyOf(calls[0])).toEqual({
      delivery: 'population-to-tax',
      batch: null,
      generation: 4,
      runId: 'run-1',
      sentAt: '2026-11-22T08:31:00.000Z',
      checkpoint: null,
      end: true,
      isFull: true,
    })
    expect(await target.lastBatch()).toBeNull()
  })

  test('the checkpoint of the hub’s log comes with each notice, under its signature', async () => {
    const target = await openTarget()
    await target.write(batchOf(1, [upsert('甲', 1)], { checkpoint: 'log\n7\n' }))
    await target.finish({ ...endOf(1), checkpoint: 'log\n8\n' })
    expect(calls.map((call) => bodyOf(call))).toMatchObject([
      { batch: 1, checkpoint: 'log\n7\n' },
      { batch: null, checkpoint: 'log\n8\n' },
    ])
  })

  test('a batch that the subscriber had before has arrived', async () => {
    const target = await openTarget()
    answers = [{ status: 409, text: 'had it' }]
    await target.write(batchOf(1, [upsert('a', 1)]))
    expect(calls).toHaveLength(1)
  })

  test('a failing interface is tried again with the same body, key and signature', async () => {
    const target = await openTarget()
    answers = [{ status: 503, headers: { 'retry-after': '0' } }, { status: 200 }]
    await target.write(batchOf(1, [upsert('a', 1)]))
    const [first, second, ...others] = calls
    expect(others).toEqual([])
    expect(second?.body).toBe(first?.body)
    for (const name of ['idempotency-key', 'x-shuqiao-signature'])
      expect(second?.headers[name]).toBe(first?.headers[name])
  })

  test('an interface that stays away is unreachable, and the batch can be sent later', async () => {
    const target = await openTarget()
    const away = { status: 503, headers: { 'retry-after': '0' } }
    answers = [away, away]
    const batch = batchOf(1, [upsert('a', 1)])
    await expect(target.write(batch)).rejects.toMatchObject({ code: 'source-unreachable' })
    answers = [{ status: 0 }, { status: 0 }]
    await expect(target.write(batch)).rejects.toMatchObject({ code: 'source-unreachable' })
    answers = []
    await target.write(batch)
  })

  test('a refusal is told with its status and the beginning of the answer, and not repeated', async () => {
    const target = await openTarget()
    for (const status of [400, 401, 404, 422]) {
      calls = []
      answers = [{ status, text: `字段不符${'x'.repeat(1000)}` }]
      const refusal: unknown = await target
        .write(batchOf(1, [upsert('a', 1)]))
        .catch((e: unknown) => e)
      expect(refusal).toMatchObject({ code: 'state-conflict' })
      expect(String(refusal)).toContain(`${status}`)
      expect(String(refusal)).toContain('字段不符')
      expect(String(refusal).length).toBeLessThan(400)
      expect(calls).toHaveLength(1)
    }
  })

  test('without a signing key, or by GET, nothing is delivered', async () => {
    const bare = openHttpTarget({ url }, { filesDirs: [] })
    await expect(bare.prepare(shape)).rejects.toMatchObject({
      code: 'request-invalid',
      errors: [{ pointer: '/settings/signingKey' }],
    })
    await expect(openTarget({ method: 'GET' })).rejects.toMatchObject({
      errors: [{ pointer: '/settings/method' }],
    })
    expect(calls).toEqual([])
  })
})
