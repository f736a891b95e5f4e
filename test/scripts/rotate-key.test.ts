import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../scripts/demo/client.ts'
import nodeFlags from '../../scripts/node-flags.json' with { type: 'json' }
import { type HubProcess, hubProcess } from '../../scripts/soak/hub-process.ts'
import { openCheckpoint, parseNote, parseVerifierKey } from '../../src/shared/proofs.ts'

const adminToken = 'sq_rotating-administrator'
let dataDir: string
let hub: HubProcess

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-rotate-'))
  hub = await hubProcess(dataDir, adminToken)
})

afterAll(async () => {
  await hub.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

interface Keys {
  verifierKey: string
  formerKeys: { verifierKey: string; handover: string | null }[]
}

const readKeys = (): Promise<Keys> => createClient(hub.url, adminToken).get('/v1/audit/key')
const readCheckpoint = async (): Promise<string> =>
  (await fetch(`${hub.url}/v1/audit/checkpoint`)).text()

/** Each look at the log is an entry, and so has a checkpoint follow. */
const look = (): Promise<unknown> =>
  createClient(hub.url, adminToken).get('/v1/audit/entries?limit=1')

async function untilSigned(): Promise<string> {
  for (;;) {
    const note = await readCheckpoint()
    if (parseNote(note) !== null) return note
    await look()
  }
}

/** From the list of keys: as the last checkpoint it may have been followed by another before anybody looks. */
async function untilHandedOver(former: string): Promise<string> {
  for (;;) {
    const { formerKeys } = await readKeys()
    const handover = formerKeys.find(({ verifierKey }) => verifierKey === former)?.handover
    if (handover) return handover
    await look()
  }
}

test('a new signing key is introduced by the old one, which stays listed and verifies what it signed', async () => {
  await hub.start()
  const before = await untilSigned()
  const { verifierKey: former } = await readKeys()
  await hub.stop()
  const script = join(import.meta.dirname, '../../scripts/audit.ts')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...nodeFlags, script, 'rotate-key'],
    { env: { ...process.env, SHUQIAO_DATA_DIR: dataDir } },
  )
  expect(stdout).toContain('signing-2.key')
  await hub.start()
  const handover = await untilHandedOver(former)
  expect(parseNote(handover)?.signatures).toHaveLength(2)
  const keys = await readKeys()
  expect(keys.verifierKey).not.toBe(former)
  expect(keys.formerKeys.map(({ verifierKey }) => verifierKey)).toContain(former)
  const known = parseVerifierKey(former)
  const trusted = known === null ? [] : [known]
  expect(openCheckpoint(before, trusted).isValid).toBe(true)
  expect(openCheckpoint(handover, trusted).isValid).toBe(true)
}, 240_000)
