import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LogKeys } from '../../../../schemas/api/audit.ts'
import { guomiVerifierKey, sm2Signer } from '../../../../src/hub/audit/anchors/sm2-signer.ts'
import type { Sealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { sealedLog } from '../../../../src/hub/audit/sealed/sealed-log.ts'
import { startSealing } from '../../../../src/hub/audit/sealed/start-sealing.ts'
import { treeRoutes } from '../../../../src/hub/audit/sealed/tree-routes.ts'
import { fingerprintLedger } from '../../../../src/hub/database/key-fingerprints.ts'
import { silentLog } from '../../../../src/hub/database/log.ts'
import { type Keys, openKeys } from '../../../../src/hub/keys.ts'
import { StartRefusal } from '../../../../src/hub/start-refusal.ts'
import { createAnchor, type KeptAnchor } from '../../../../src/shared/anchor/anchor.ts'
import { openCheckpoint, parseNote } from '../../../../src/shared/proofs.ts'
import { sm2Checks } from '../../../../src/shared/sm2-note.ts'
import { buildTestHub, type TestHub } from '../../../support/hub.ts'
import { appendPlain, keyOf, untilSealed } from '../sealed/support.ts'

let hub: TestHub
let keys: Keys
let sealer: Sealer

/** Of the SM2 key that the routes below `/guomi` tell. */
const seed = Buffer.alloc(32, 7)

beforeAll(async () => {
  hub = await buildTestHub({
    extend: (app) => {
      const sealed = sealedLog(app.hub.database.pool)
      app.register(async (scope) => treeRoutes(scope, sealed, seed), { prefix: '/guomi' })
    },
  })
  const { database, config } = hub.app.hub
  keys = await openKeys(config.keysDir, fingerprintLedger(database.knex), { isGuomi: true })
  sealer = await startSealing({
    config: { roles: ['sealer'] },
    sealerUrl: hub.testDatabase.urls.sealer,
    keys,
    log: silentLog,
    moreSigners: (origin) => (keys.guomiSigning ? [sm2Signer(origin, keys.guomiSigning)] : []),
  })
})
afterAll(async () => {
  await sealer.close()
  await hub.close()
})

async function grow(count = 3): Promise<number> {
  await appendPlain(hub.app.hub.database.pool, count)
  return untilSealed(hub.app.hub.database.pool)
}

const get = async (path: string): Promise<string> => {
  const answer = await hub.call('GET', path, { token: hub.adminToken })
  if (answer.statusCode !== 200) throw new Error(`the hub answered ${answer.statusCode}`)
  return answer.body
}

describe('a hub with 国密 switched on', () => {
  test('signs each checkpoint with both keys, and each is enough', async () => {
    await grow()
    const note = await get('/v1/audit/checkpoint')
    const { origin, verifierKey }: LogKeys = JSON.parse(await get('/v1/audit/key'))
    const guomiKey = guomiVerifierKey(origin, keys.guomiSigning) ?? ''
    expect(parseNote(note)?.signatures).toHaveLength(2)
    for (const key of [verifierKey, guomiKey]) {
      expect(openCheckpoint(note, [keyOf(key)], sm2Checks).isValid).toBe(true)
    }
  })

  test('keeps its key in a file of its own, known by its fingerprint like the others', async () => {
    const { database, config } = hub.app.hub
    expect(statSync(join(config.keysDir, 'guomi-signing.key')).mode & 0o777).toBe(0o600)
    const ledger = fingerprintLedger(database.knex)
    const again = await openKeys(config.keysDir, ledger, { isGuomi: true })
    expect(again.guomiSigning).toEqual(keys.guomiSigning)
    expect((await openKeys(config.keysDir, ledger)).guomiSigning).toBeUndefined()
    rmSync(join(config.keysDir, 'guomi-signing.key'))
    await expect(openKeys(config.keysDir, ledger, { isGuomi: true })).rejects.toThrow(StartRefusal)
    await openKeys(config.keysDir, ledger)
  })

  test('tells the SM2 key beside its own; a hub without tells none', async () => {
    expect(JSON.parse(await get('/v1/audit/key')).guomiKey).toBeUndefined()
    const told: LogKeys = JSON.parse(await get('/guomi/audit/key'))
    expect(told.guomiKey).toBe(guomiVerifierKey(told.origin, seed))
  })
})

describe('an anchor held outside', () => {
  test('follows the hub over its own routes, with either key', async () => {
    await grow()
    const { origin, verifierKey }: LogKeys = JSON.parse(await get('/v1/audit/key'))
    for (const text of [verifierKey, guomiVerifierKey(origin, keys.guomiSigning) ?? '']) {
      let kept: KeptAnchor | null = null
      const store = {
        read: async () => kept,
        write: async (anchor: KeptAnchor) => {
          kept = anchor
        },
      }
      const anchor = createAnchor({ store, get, keys: [keyOf(text)], checks: sm2Checks })
      expect(await anchor.check()).toMatchObject({ state: 'first' })
      const size = await grow(300)
      const grown = await anchor.check()
      expect(grown.state).toBe('grown')
      expect(grown.checkpoint.size).toBeGreaterThanOrEqual(size)
    }
  })
})
