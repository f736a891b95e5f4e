import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { type Checkpoint, leafHash } from '../../../../src/shared/proofs.ts'
import { buildTestHub, type TestHub } from '../../../support/hub.ts'
import {
  appendPlain,
  bytesOf,
  cut,
  leavesUpTo,
  opened,
  rootOf,
  sealBeside,
  untilSealed,
} from './support.ts'

let hub: TestHub
let sealer: Sealer
let auditor: string
let size: number

beforeAll(async () => {
  hub = await buildTestHub()
  auditor = await hub.makeStaff('auditor', ['auditor'])
  await appendPlain(hub.app.hub.database.pool, 700)
  sealer = await sealBeside(hub)
  size = await untilSealed(hub.app.hub.database.pool)
})
afterAll(async () => {
  await sealer.close()
  await hub.close()
})

const get = (path: string, token?: string) =>
  hub.call('GET', `/v1/audit/${path}`, token === undefined ? {} : { token })
const lastCheckpoint = async (): Promise<Checkpoint> => {
  const { verifierKey } = (await get('key')).json<{ verifierKey: string }>()
  return opened((await get('checkpoint')).body, verifierKey)
}

describe('what anyone may read without a token', () => {
  test('the key, and a checkpoint that it signed, as text', async () => {
    const key = (await get('key')).json()
    expect(key).toEqual({
      origin: expect.stringMatching(/^shuqiao\/[0-9a-f]{8}$/),
      verifierKey: expect.stringMatching(/^shuqiao\/[0-9a-f]{8}\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$/),
      formerKeys: [],
    })
    const answer = await get('checkpoint')
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(await lastCheckpoint()).toMatchObject({ origin: key.origin, size })
  })

  test('the tree in tiles, whose root is the checkpoint’s', async () => {
    const checkpoint = await lastCheckpoint()
    const leaves = await leavesUpTo(hub, checkpoint.size)
    expect(rootOf(leaves).equals(checkpoint.root)).toBe(true)
    const upper = cut(await bytesOf(hub, '1/000.p/2'))
    expect(upper[0]?.equals(rootOf(leaves.slice(0, 256)))).toBe(true)
    expect(upper[1]?.equals(rootOf(leaves.slice(256, 512)))).toBe(true)
  })

  test('commitments in bundles, which hash to the leaves', async () => {
    const bundle = await bytesOf(hub, 'entries/002.p/30')
    const entries: Buffer[] = []
    for (let at = 0; at < bundle.length;) {
      const length = bundle.readUInt16BE(at)
      entries.push(bundle.subarray(at + 2, at + 2 + length))
      at += 2 + length
    }
    expect(entries).toHaveLength(30)
    expect(Buffer.concat(entries.map(leafHash)).equals(await bytesOf(hub, '0/002.p/30'))).toBe(true)
    expect((await bytesOf(hub, 'entries/000')).length).toBeGreaterThan(256 * 10)
  })

  test('any partial width, of what was the edge once and of what never was', async () => {
    const whole = await bytesOf(hub, '0/000')
    for (const width of [1, 2, 17, 128, 254, 255]) {
      expect((await bytesOf(hub, `0/000.p/${width}`)).equals(whole.subarray(0, width * 32))).toBe(
        true,
      )
    }
  })

  test('whole tiles may be kept for ever', async () => {
    const whole = await get('tile/0/000')
    expect(whole.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(whole.headers['content-type']).toBe('application/octet-stream')
    expect((await get('tile/0/000.p/5')).headers['cache-control']).not.toMatch(/immutable|no-store/)
  })

  test('nothing behind the checkpoint', async () => {
    const edge = size % 256
    const beyond = [
      `0/002.p/${edge + 1}`,
      '0/002',
      '0/003',
      '0/x001/000',
      '1/000',
      '1/000.p/3',
      '2/000.p/1',
      '8/000',
      '63/000.p/1',
      'entries/002',
      `entries/002.p/${edge + 1}`,
      '0/x035/x184/x372/x088/831',
    ]
    for (const path of beyond) {
      const answer = await get(`tile/${path}`)
      expect([path, answer.statusCode, answer.json().code]).toEqual([path, 404, 'not-found'])
      expect(answer.headers['cache-control']).toBe('no-store')
    }
  })

  test('what is malformed is refused, and logged as other calls without a token are', async () => {
    for (const path of [
      '0/0',
      '0/x000/001',
      '0/000.p/0',
      '0/000.p/256',
      '64/000',
      'entries/1',
      'x',
    ]) {
      const before = hub.entries.length
      const answer = await get(`tile/${path}`)
      expect([path, answer.json().code]).toEqual([path, 'request-invalid'])
      expect(hub.entries.slice(before)).toMatchObject([
        { operation: 'getAuditTile', outcome: 'failed', code: 'request-invalid' },
      ])
    }
  })

  test('watching makes no entry: neither what is answered, nor what is not sealed yet', async () => {
    const before = hub.entries.length
    for (const path of ['key', 'checkpoint', 'tile/0/000', 'tile/entries/000.p/3', 'tile/0/999']) {
      await get(path)
      await get(path, auditor)
    }
    await get(`proofs/consistency?from=1&to=${size}`, auditor)
    await get(`proofs/consistency?from=1&to=${size + 1_000_000}`, auditor)
    expect(hub.entries.slice(before)).toEqual([])
  })
})

test('before the first checkpoint there is nothing to trust, which is said', async () => {
  const fresh = await buildTestHub()
  try {
    for (const path of ['key', 'checkpoint']) {
      const answer = await fresh.call('GET', `/v1/audit/${path}`)
      expect([answer.json().code, answer.headers['retry-after']]).toEqual(['unavailable', '1'])
    }
    const tile = await fresh.call('GET', '/v1/audit/tile/0/000.p/1')
    expect(tile.json().code).toBe('not-found')
  } finally {
    await fresh.close()
  }
})
