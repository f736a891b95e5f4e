import { sign, verify, createPublicKey } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fingerprintLedger } from '../../src/hub/database/key-fingerprints.ts'
import { type FingerprintLedger, openKeys, seal, unseal } from '../../src/hub/keys.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let held: TestDatabase
let ledger: FingerprintLedger
let home: string
let keysDir: string

beforeAll(async () => {
  held = await createTestDatabase()
  ledger = fingerprintLedger(held.database.knex)
})
afterAll(async () => {
  await held.drop()
})
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'shuqiao-keys-'))
  keysDir = join(home, 'keys')
})
afterEach(() => {
  rmSync(home, { recursive: true })
})

/** Each test has a database that knows no key yet: names are told apart by the test's folder. */
const ownLedger = (): FingerprintLedger => ({
  find: (name) => ledger.find(`${home} ${name}`),
  record: (name, fingerprint) => ledger.record(`${home} ${name}`, fingerprint),
})

describe('the keys of a hub', () => {
  test('a host with other keys refuses to start and names the key', async () => {
    await openKeys(keysDir, ownLedger())
    writeFileSync(join(keysDir, 'subjects.key'), 'ab'.repeat(32))
    await expect(openKeys(keysDir, ownLedger())).rejects.toThrow(/subjects\.key .*other keys/)
  })

  test('a host without keys refuses to start for a database that knows some, and makes none', async () => {
    await openKeys(keysDir, ownLedger())
    const elsewhere = join(home, 'elsewhere')
    await expect(openKeys(elsewhere, ownLedger())).rejects.toThrow('no new key is made')
    expect(readdirSync(elsewhere)).toEqual([])
  })

  test('a damaged key file is named', async () => {
    await openKeys(keysDir, ownLedger())
    writeFileSync(join(keysDir, 'masks.key'), 'short')
    await expect(openKeys(keysDir, ownLedger())).rejects.toThrow('masks.key')
  })

  test('the same keys open again, also from a copy of the folder', async () => {
    const first = await openKeys(keysDir, ownLedger())
    cpSync(keysDir, join(home, 'copy'), { recursive: true })
    const second = await openKeys(join(home, 'copy'), ownLedger())
    expect(second.subjects).toEqual(first.subjects)
    expect(await second.auditMonth('2026-11')).toHaveLength(32)
  })

  test('are files that only their owner may read, and the database holds no key', async () => {
    const keys = await openKeys(keysDir, ownLedger())
    await keys.auditMonth('2026-11')
    expect(statSync(keysDir).mode & 0o777).toBe(0o700)
    const names = readdirSync(keysDir)
    expect(names).toEqual([
      'audit-2026-11.key',
      'masks.key',
      'settings.key',
      'signing.key',
      'subjects.key',
    ])
    const { rows } = await held.database.pool.query('select fingerprint from hub.key_fingerprints')
    const fingerprints = JSON.stringify(rows)
    for (const name of names) {
      expect(statSync(join(keysDir, name)).mode & 0o777).toBe(0o600)
      const key = readFileSync(join(keysDir, name), 'utf8')
      expect(fingerprints).not.toContain(key.slice(0, 32))
    }
  })

  test('a month has one key, also when asked for by two processes at once', async () => {
    const [one, other] = [
      await openKeys(keysDir, ownLedger()),
      await openKeys(keysDir, ownLedger()),
    ]
    const made = await Promise.all([one.auditMonth('2026-12'), other.auditMonth('2026-12')])
    expect(made[0]).toEqual(made[1])
    expect(await one.auditMonth('2027-01')).not.toEqual(made[0])
    expect(() => one.auditMonth('../2027-01')).toThrow('no month')
    expect(existsSync(join(home, '2027-01.key'))).toBe(false)
  })

  test('the signing key signs with Ed25519', async () => {
    const { signing } = await openKeys(keysDir, ownLedger())
    const text = Buffer.from('checkpoint')
    expect(verify(null, text, createPublicKey(signing), sign(null, text, signing))).toBe(true)
  })
})

describe('a sealed value', () => {
  const key = Buffer.alloc(32, 7)
  const secret = Buffer.from('某人的原始行 é')

  test('opens with its key and context only, and not when a bit is changed', () => {
    const sealed = seal(secret, key, 'rejects 1')
    expect(unseal(sealed, key, 'rejects 1')).toEqual(secret)
    expect(() => unseal(sealed, key, 'rejects 2')).toThrow()
    expect(() => unseal(sealed, Buffer.alloc(32, 8), 'rejects 1')).toThrow()
    for (const place of [0, 12, sealed.length - 1]) {
      const changed = Buffer.from(sealed)
      changed[place] = (changed[place] ?? 0) ^ 1
      expect(() => unseal(changed, key, 'rejects 1')).toThrow()
    }
    expect(() => unseal(sealed.subarray(0, 20), key, 'rejects 1')).toThrow('too short')
  })

  test('looks different each time, and may be empty', () => {
    expect(seal(secret, key, '')).not.toEqual(seal(secret, key, ''))
    expect(unseal(seal(Buffer.alloc(0), key, ''), key, '')).toEqual(Buffer.alloc(0))
  })
})
