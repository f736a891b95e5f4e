import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  guomiVerifierKey,
  sm2PrivateKey,
  sm2Signer,
} from '../../src/hub/audit/anchors/sm2-signer.ts'
import { ed25519Signer, noteSigner, signCheckpoint } from '../../src/hub/audit/sealed/sign-note.ts'
import { emptyRoot, openCheckpoint, parseNote, parseVerifierKey } from '../../src/shared/proofs.ts'
import { sm2Checks, sm2Identity, sm2KeyMaterial } from '../../src/shared/sm2-note.ts'

const folder = mkdtempSync(join(tmpdir(), 'shuqiao-sm2-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string): string => join(folder, name)
const openssl = (...parameters: string[]): string =>
  execFileSync('openssl', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const origin = 'shuqiao/0a1b2c3d'
const tree = { origin, size: 7, root: emptyRoot }
const text = `${origin}\n7\n${emptyRoot.toString('base64')}\n`

function keyOf(verifierKey: string) {
  const key = parseVerifierKey(verifierKey)
  if (key === null) throw new Error('no verifier key')
  return key
}

/** DER of an INTEGER's or SEQUENCE's short form; a signature's parts are never longer. */
const der = (tag: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.of(tag, content.length), content])
const integer = (bytes: Buffer): Buffer => {
  const digits = BigInt(`0x${bytes.toString('hex')}`).toString(16)
  const even = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  return der(2, (even[0] ?? 0) > 127 ? Buffer.concat([Buffer.of(0), even]) : even)
}
const signatureDer = (raw: Buffer): Buffer =>
  der(0x30, Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]))
function rawSignature(sequence: Buffer): Buffer {
  const length = sequence[3] ?? 0
  const parts = [sequence.subarray(4, 4 + length), sequence.subarray(6 + length)]
  const padded = parts.map((part) => part.toString('hex').padStart(64, '0').slice(-64))
  return Buffer.from(padded.join(''), 'hex')
}

/** SubjectPublicKeyInfo of a point on the SM2 curve (GB/T 35276), as OpenSSL reads it. */
const publicPem = (point: Buffer): string => {
  const head = Buffer.from('3059301306072a8648ce3d020106082a811ccf5501822d034200', 'hex')
  const base64 = Buffer.concat([head, point]).toString('base64')
  return `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`
}

const pointOf = (verifierKey: string): Buffer => keyOf(verifierKey).publicKey.subarray(-65)

describe('an SM2 signature of a checkpoint', () => {
  test('made here is verified by OpenSSL, with the standard’s default identity and no other', () => {
    for (let round = 0; round < 5; round += 1) {
      const signer = sm2Signer(origin, randomBytes(32))
      const [signature] = parseNote(signCheckpoint(tree, [signer]))?.signatures ?? []
      writeFileSync(file('text'), text)
      writeFileSync(file('signature'), signatureDer(signature?.signature ?? Buffer.alloc(64)))
      writeFileSync(file('public.pem'), publicPem(pointOf(signer.verifierKey)))
      const how = ['-verify', '-rawin', '-digest', 'sm3', '-pubin', '-inkey', file('public.pem')]
      const files = ['-in', file('text'), '-sigfile', file('signature')]
      const verify = (identity: string): string =>
        openssl('pkeyutl', ...how, '-pkeyopt', `distid:${identity}`, ...files)
      expect(verify(sm2Identity)).toContain('Verified Successfully')
      expect(() => verify('8765432187654321')).toThrow()
    }
  })

  test('made by OpenSSL is verified here', () => {
    openssl('genpkey', '-algorithm', 'SM2', '-out', file('private.pem'))
    openssl(
      'pkey',
      '-in',
      file('private.pem'),
      '-pubout',
      '-outform',
      'DER',
      '-out',
      file('public.der'),
    )
    const point = readFileSync(file('public.der')).subarray(-65)
    writeFileSync(file('text'), text)
    const how = ['-rawin', '-digest', 'sm3', '-pkeyopt', `distid:${sm2Identity}`]
    const files = ['-inkey', file('private.pem'), '-in', file('text'), '-out', file('signature')]
    openssl('pkeyutl', '-sign', ...how, ...files)
    const raw = rawSignature(readFileSync(file('signature')))
    const signer = noteSigner(origin, sm2KeyMaterial(point), () => raw)
    const note = signCheckpoint(tree, [signer])
    const keys = [keyOf(signer.verifierKey)]
    expect(openCheckpoint(note, keys, sm2Checks)).toMatchObject({ isValid: true, checkpoint: tree })
    const changed = note.replace('\n7\n', '\n8\n')
    expect(openCheckpoint(changed, keys, sm2Checks)).toMatchObject({ why: 'wrong-signature' })
  })

  test('stands beside the hub’s own: each is enough for who trusts it, neither hides that the other is wrong', () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const signers = [ed25519Signer(origin, privateKey), sm2Signer(origin, randomBytes(32))]
    const note = signCheckpoint(tree, signers)
    const keys = signers.map(({ verifierKey }) => keyOf(verifierKey))
    for (const key of keys) expect(openCheckpoint(note, [key], sm2Checks).isValid).toBe(true)
    expect(openCheckpoint(note, keys, sm2Checks).isValid).toBe(true)
    // Who knows nothing of SM2 passes its line over.
    expect(openCheckpoint(note, keys).isValid).toBe(true)
    const [own, foreign] = [signers[0], sm2Signer(origin, randomBytes(32))]
    const [line = ''] = foreign.line('another text\n').split('\n')
    const mixed = `${signCheckpoint(tree, own ? [own] : [])}${line}\n`
    const both = [...keys.slice(0, 1), keyOf(foreign.verifierKey)]
    expect(openCheckpoint(mixed, both, sm2Checks)).toMatchObject({ why: 'wrong-signature' })
  })

  test('of a key that is no point of the curve, of another algorithm or too short is none', () => {
    const good = sm2Signer(origin, randomBytes(32))
    const signature = parseNote(signCheckpoint(tree, [good]))?.signatures[0]?.signature
    const check = sm2Checks[255]
    const { publicKey } = keyOf(good.verifierKey)
    const of = (bytes: Buffer, signed = signature): boolean | undefined =>
      check?.(
        { ...keyOf(good.verifierKey), publicKey: bytes },
        Buffer.from(text),
        signed ?? Buffer.of(),
      )
    expect(of(publicKey)).toBe(true)
    const offCurve = Buffer.from(publicKey)
    offCurve[offCurve.length - 1] = (offCurve.at(-1) ?? 0) ^ 1
    expect(of(offCurve)).toBe(false)
    expect(of(publicKey.subarray(0, -1))).toBe(false)
    expect(of(Buffer.concat([Buffer.from('sm2-with-md5'), publicKey.subarray(12)]))).toBe(false)
    expect(of(publicKey, Buffer.alloc(64))).toBe(false)
    expect(of(publicKey, Buffer.alloc(64, 0xff))).toBe(false)
    expect(of(publicKey, signature?.subarray(0, 63))).toBe(false)
  })

  test('is made with one and the same key from one seed, whatever the seed', () => {
    for (const seed of [Buffer.alloc(32), Buffer.alloc(32, 0xff), randomBytes(32)]) {
      expect(guomiVerifierKey(origin, seed)).toBe(sm2Signer(origin, seed).verifierKey)
      expect(sm2PrivateKey(seed)).toHaveLength(32)
      const signer = sm2Signer(origin, seed)
      const keys = [keyOf(signer.verifierKey)]
      expect(openCheckpoint(signCheckpoint(tree, [signer]), keys, sm2Checks).isValid).toBe(true)
    }
    expect(guomiVerifierKey(origin, undefined)).toBeNull()
  })
})
