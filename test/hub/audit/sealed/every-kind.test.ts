import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LightMyRequestResponse } from 'fastify'
import type { Sealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { leafHash, verifyInclusion } from '../../../../src/shared/proofs.ts'
import { buildWorld, freshResource, type World } from '../../sharing/support.ts'
import { opened, sealBeside } from './support.ts'

let world: World
let sealer: Sealer
let resource: Awaited<ReturnType<ReturnType<typeof freshResource>>>

beforeAll(async () => {
  world = await buildWorld({ http: { callsPerSecond: 50 } })
  resource = await freshResource(world)('kinds')
  sealer = await sealBeside(world.hub)
})
afterAll(async () => {
  await sealer.close()
  await world.hub.close()
})

/** More at once than a second's worth, so that no slowness fills the bucket between them. */
async function untilLimited(): Promise<LightMyRequestResponse> {
  for (;;) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => resource.read('nobody')))
    const limited = answers.find(({ statusCode }) => statusCode === 429)
    if (limited) return limited
  }
}

/** Asked for again where the checkpoint took longer than a call waits for it. */
async function untilReceipt(id: string) {
  for (;;) {
    const url = `/v1/audit/entries/${id}/receipt`
    const answer = await world.hub.call('GET', url, { token: world.hub.adminToken })
    if (answer.statusCode === 200) return answer.json()
    expect(answer.json().code).toBe('state-conflict')
  }
}

const path = '/resources/kinds/records/read'
const kinds: Record<string, [() => Promise<LightMyRequestResponse>, object]> = {
  'an allowed call': [() => resource.read('p1'), { outcome: 'allowed', code: null }],
  'a call for nobody': [() => resource.read('nobody'), { outcome: 'absent', code: 'not-found' }],
  'a call without a purpose': [
    () => world.ask('POST', path, { key: 'p1' }, { 'x-purpose': '' }),
    { outcome: 'denied', code: 'purpose-required' },
  ],
  'a call for a field that was not granted': [
    () => resource.read('p1', { fields: ['unheard-of'] }),
    { outcome: 'denied', code: 'field-not-granted' },
  ],
  'a malformed body': [
    () => world.ask('POST', path, { kay: 'p1' }),
    { outcome: 'failed', code: 'request-invalid' },
  ],
  'an address that does not exist': [
    () => world.ask('GET', '/nowhere'),
    { outcome: 'absent', code: 'not-found' },
  ],
  'a call by a member of staff': [
    () => world.call(world.hub.adminToken, 'POST', path, { key: 'p1' }),
    { outcome: 'denied', code: 'role-missing' },
  ],
  'a call too many': [untilLimited, { outcome: 'denied', code: 'rate-limited' }],
}

test.each(Object.entries(kinds))(
  '%s is in the log, and its place can be proved',
  async (_, kind) => {
    const [call, said] = kind
    const { headers } = await call()
    const id = String(headers['x-audit-id'])
    const { hub } = world
    const entry = await hub.call('GET', `/v1/audit/entries/${id}`, { token: hub.adminToken })
    expect(entry.json().facts).toMatchObject(
      Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null)),
    )
    const receipt = await untilReceipt(id)
    const leaf = leafHash(Buffer.from(receipt.leafBytes, 'base64'))
    expect(leaf.toString('hex')).toBe(headers['x-audit-leaf'])
    const { root } = opened(receipt.checkpoint, receipt.verifierKey)
    const hashes = receipt.hashes.map((hash: string) => Buffer.from(hash, 'base64'))
    expect(verifyInclusion({ ...receipt, leaf, hashes, root })).toBe(true)
  },
)
