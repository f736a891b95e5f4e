import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../../../schemas/api/audit.ts'
import type { Sealer } from '../../../src/hub/audit/sealed/sealer.ts'
import { sealBeside, untilSealed } from '../audit/sealed/support.ts'
import { buildWorld, clockFromNoon, freshResource, person, type World } from './support.ts'

/*
 * A department keeps what it asked, what it was answered, and the salt beside the answer: with its receipt that
 * proves both, byte for byte, to anyone, while the entry alone tells nobody anything of them.
 */
let world: World
let sealer: Sealer
let folder: string
let key: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shuqiao-kept-'))
  world = await buildWorld({ clock: clockFromNoon() })
  sealer = await sealBeside(world.hub)
  await untilSealed(world.hub.app.hub.database.pool)
  key = (await world.hub.call('GET', '/v1/audit/key')).json().verifierKey
})
afterAll(async () => {
  await sealer.close()
  await world.hub.close()
  rmSync(folder, { recursive: true })
})

const fresh: ReturnType<typeof freshResource> = (...asked) => freshResource(world)(...asked)

function file(name: string, bytes: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const saltOf = ({ headers }: LightMyRequestResponse): string => String(headers['x-audit-salt'])

async function receiptOf({ headers }: LightMyRequestResponse): Promise<Receipt> {
  await untilSealed(world.hub.app.hub.database.pool)
  const path = `/v1/audit/entries/${String(headers['x-audit-id'])}/receipt`
  return (await world.hub.call('GET', path, { token: world.desk })).json()
}

const digestOf = (salt: string, answer: Buffer): string =>
  createHash('sha256').update(`${salt}response\0`).update(answer).digest('base64url')

const verify = (receipt: Receipt, ...given: string[]) =>
  audit('verify', file('receipt.json', JSON.stringify(receipt)), '--key', key, ...given)

/** `npm run audit`, which has no hub to ask. */
async function audit(...given: string[]): Promise<{ code: number; out: string }> {
  const script = join(import.meta.dirname, '../../../scripts/audit.ts')
  const env = { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' }
  return promisify(execFile)(process.execPath, [script, ...given], { env }).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout + error.stderr,
    }),
  )
}

test('a receipt proves what was asked and what was answered, and nothing else in their place', async () => {
  await fresh('kept')
  const asked = { key: 'p1', fields: ['name'] }
  const answer = await world.ask('POST', '/resources/kept/records/read', asked)
  expect(answer.statusCode).toBe(200)
  const receipt = await receiptOf(answer)
  const request = file('request.json', JSON.stringify(asked))
  const body = file('answer.json', answer.rawPayload)
  const salt = ['--salt', saltOf(answer)]
  const right = await verify(receipt, ...salt, '--request', request, '--answer', body)
  expect(right.out).toContain('✓ 请求与所记相符 / the request is the one logged')
  expect(right.out).toContain('✓ 答复与所记相符 / the answer is the one logged')
  expect(right.code).toBe(0)

  const other = file('other.json', Buffer.concat([answer.rawPayload, Buffer.from(' ')]))
  const wrong = await verify(receipt, ...salt, '--request', request, '--answer', other)
  expect(wrong.out).toContain('✓ 请求与所记相符')
  expect(wrong.out).toContain('✗ 答复与所记相符')
  expect(wrong.code).toBe(1)
  // Neither stands for the other, and the salt is of this call alone.
  expect((await verify(receipt, ...salt, '--request', body)).code).toBe(1)
  const again = await world.ask('POST', '/resources/kept/records/read', asked)
  expect(saltOf(again)).not.toBe(saltOf(answer))
  expect((await verify(receipt, '--salt', saltOf(again), '--answer', body)).code).toBe(1)
  const { facts: _facts, salts: _salts, ...bare } = receipt
  const untold = await verify(bare, ...salt, '--answer', body)
  expect(untold.out).toContain('the receipt shows no digest of the answer')
  expect(untold.code).toBe(1)
  // What is written into a receipt beside what the entry commits to proves nothing.
  const forged = {
    ...bare,
    facts: { responseDigest: digestOf(saltOf(answer), readFileSync(other)) },
  }
  const forgery = await verify(forged, ...salt, '--answer', other)
  expect(forgery.out).toContain('✗ 答复与所记相符')
  expect(forgery.code).toBe(1)
})

test('so do long lists, calls without a body, and refusals for what was asked', async () => {
  await fresh('kept-kinds', { operations: ['changes'] })
  await world.push(
    'kept-kinds',
    Array.from({ length: 298 }, (_, place) => person(`more-${place}`)),
  )
  const path = '/resources/kept-kinds/changes?after=0&limit=300'
  const changes = await world.ask('GET', path)
  expect(changes.json().items).toHaveLength(300)
  const asked = file('path.txt', `/v1${path}`)
  const items = file('changes.json', changes.rawPayload)
  const kept = ['--salt', saltOf(changes), '--request', asked, '--answer', items]
  expect((await verify(await receiptOf(changes), ...kept)).code).toBe(0)

  const body = { key: 'p1', claims: { name: '张三' } }
  const denied = await world.ask('POST', '/resources/kept-kinds/verify', body)
  expect(denied.statusCode).toBe(403)
  const receipt = await receiptOf(denied)
  expect(receipt.facts).toMatchObject({ outcome: 'denied' })
  const request = file('denied.json', JSON.stringify(body))
  expect((await verify(receipt, '--salt', saltOf(denied), '--request', request)).code).toBe(0)
})

test('the salt is kept nowhere in the hub: who reads entries cannot try numbers until one fits', async () => {
  const { read } = await fresh('kept-secret')
  const answer = await read('p1')
  const salt = saltOf(answer)
  expect(salt).toMatch(/^[\w-]{24}$/)
  const entry = await world.hub.call(
    'GET',
    `/v1/audit/entries/${String(answer.headers['x-audit-id'])}`,
    {
      token: world.hub.adminToken,
    },
  )
  const receipt = await receiptOf(answer)
  expect(receipt.facts?.['responseDigest']).toMatch(/^[\w-]{43}$/)
  expect(entry.body + JSON.stringify(receipt)).not.toContain(salt)
  expect(JSON.stringify(world.hub.entries)).not.toContain(salt)
})

test('a salt may begin with a dash, and is asked for with receipts alone', async () => {
  const { read } = await fresh('kept-dashes')
  const receipt = await receiptOf(await read('p1'))
  const body = file('dashes.json', 'anything')
  const dashed = await verify(receipt, '--salt', `-${'A'.repeat(23)}`, '--answer', body)
  expect(dashed.out).toContain('✗ 答复与所记相符')
  expect(dashed.code).toBe(1)
  const note = file('checkpoint.txt', receipt.checkpoint)
  const of = await audit('verify', note, '--key', key, '--salt', 'x', '--answer', body)
  expect(of.out).toContain('is no receipt')
  expect(of.code).toBe(2)
})

test('a salt without what it is for, or for several receipts, is not understood', async () => {
  const { read } = await fresh('kept-usage')
  const answer = await read('p1')
  const receipt = await receiptOf(answer)
  const body = file('usage.json', answer.rawPayload)
  expect((await verify(receipt, '--salt', saltOf(answer))).code).toBe(2)
  expect((await verify(receipt, '--answer', body)).code).toBe(2)
  const two = await verify(receipt, 'another.json', '--salt', saltOf(answer), '--answer', body)
  expect(two.code).toBe(2)
})
