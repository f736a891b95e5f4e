import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogKeys } from '../../../../schemas/api/audit.ts'
import { Superseded } from '../../../../src/hub/audit/sealed/seal-keys.ts'
import type { Sealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { fingerprintLedger } from '../../../../src/hub/database/key-fingerprints.ts'
import { silentLog } from '../../../../src/hub/database/log.ts'
import { type FingerprintLedger, openKeys, rotateSigningKey } from '../../../../src/hub/keys.ts'
import { StartRefusal } from '../../../../src/hub/start-refusal.ts'
import { openCheckpoint, parseNote } from '../../../../src/shared/proofs.ts'
import { followKeys } from '../../../../src/shared/proofs/trusted-keys.ts'
import { buildTestHub, type TestHub } from '../../../support/hub.ts'
import { appendPlain, keyOf, opened, sealBeside, untilSealed } from './support.ts'

let hub: TestHub
let keysDir: string
let ledger: FingerprintLedger
let sealers: Sealer[]

beforeEach(async () => {
  hub = await buildTestHub()
  keysDir = hub.app.hub.config.keysDir
  ledger = fingerprintLedger(hub.app.hub.database.knex)
  sealers = [await sealBeside(hub)]
})
afterEach(async () => {
  await closeSealers()
  await hub.close()
})

const closeSealers = () => Promise.all(sealers.splice(0).map((sealer) => sealer.close()))

/** Has some entries sealed; answers the checkpoint's note. */
async function nextNote(): Promise<string> {
  await appendPlain(hub.app.hub.database.pool, 3)
  await untilSealed(hub.app.hub.database.pool)
  return (await hub.call('GET', '/v1/audit/checkpoint')).body
}
const logKeys = async (): Promise<LogKeys> => (await hub.call('GET', '/v1/audit/key')).json()

/** As after a new start of the process. */
async function takeUpKeys(): Promise<void> {
  await closeSealers()
  sealers = [await sealBeside(hub, await openKeys(keysDir, ledger))]
}

describe('a rotated signing key', () => {
  test('is followed from the old one by a checkpoint that both signed and that names it', async () => {
    const before = await nextNote()
    const { verifierKey: old } = await logKeys()
    const path = await rotateSigningKey(keysDir, ledger)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    // Until a sealer starts with the new one, the old one goes on.
    opened(await nextNote(), old)

    await takeUpKeys()
    const handover = await nextNote()
    const keys = await logKeys()
    expect(keys.verifierKey).not.toBe(old)
    expect(keys.formerKeys).toEqual([{ verifierKey: old, handover }])
    expect(opened(handover, old)).toEqual(opened(handover, keys.verifierKey))
    expect(parseNote(handover)?.text.split('\n')).toContain(`successor ${keys.verifierKey}`)

    const followed = followKeys([keyOf(old)], keys.formerKeys)
    expect(followed).toContainEqual(keyOf(keys.verifierKey))

    const after = await nextNote()
    expect(openCheckpoint(after, [keyOf(old)])).toEqual({ isValid: false, why: 'unknown-key' })
    expect(parseNote(after)?.signatures).toHaveLength(1)
    expect(parseNote(after)?.text).not.toContain('successor')
    expect(opened(after, keys.verifierKey).origin).toBe(keys.origin)
    expect(opened(before, old).origin).toBe(keys.origin)
  })

  test('leaves a process with the old key nothing to sign', async () => {
    await nextNote()
    const oldKeys = hub.app.hub.keys
    await rotateSigningKey(keysDir, ledger)
    await takeUpKeys()
    await nextNote()
    await closeSealers()
    const refused = Promise.withResolvers<void>()
    // It may lose its connection as well, on a machine that stands still.
    const warn = (details: object): void => {
      if ('err' in details && details.err instanceof Superseded) refused.resolve()
    }
    sealers = [await sealBeside(hub, oldKeys, { ...silentLog, warn })]
    await refused.promise
    const { verifierKey } = await logKeys()
    await takeUpKeys()
    opened(await nextNote(), verifierKey)
  })

  test('may be rotated again before it ever signed', async () => {
    await nextNote()
    const { verifierKey: old } = await logKeys()
    await rotateSigningKey(keysDir, ledger)
    await rotateSigningKey(keysDir, ledger)
    await takeUpKeys()
    opened(await nextNote(), old)
    expect((await logKeys()).formerKeys.map(({ verifierKey }) => verifierKey)).toEqual([old])
  })

  test('whose former file is gone signs alone: who held the old one must come to trust it anew', async () => {
    await nextNote()
    const { verifierKey: old } = await logKeys()
    await rotateSigningKey(keysDir, ledger)
    rmSync(join(keysDir, 'signing.key'))
    await takeUpKeys()
    const note = await nextNote()
    expect(openCheckpoint(note, [keyOf(old)]).isValid).toBe(false)
    opened(note, (await logKeys()).verifierKey)
  })

  test('that is missing on a host keeps the hub from starting there, and so does no key at all', async () => {
    const path = await rotateSigningKey(keysDir, ledger)
    rmSync(path)
    await expect(openKeys(keysDir, ledger)).rejects.toThrow(StartRefusal)
    await expect(rotateSigningKey(join(keysDir, 'elsewhere'), ledger)).rejects.toThrow()
  })

  test('the log’s name stays the same over restarts', async () => {
    const { origin } = await (async () => {
      await nextNote()
      return logKeys()
    })()
    await takeUpKeys()
    expect(opened(await nextNote(), (await logKeys()).verifierKey).origin).toBe(origin)
  })
})
