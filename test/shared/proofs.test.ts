import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  emptyRoot,
  keyIdOf,
  leafHash,
  nodeHash,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  TreeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../src/shared/proofs.ts'

/*
 * The oracle: RFC 6962, section 2.1, written down as it stands there, recursion and all. It shares nothing
 * with what it judges but the two hash functions, whose own vectors come first.
 */
const leaves = Array.from({ length: 300 }, (_, index) => leafHash(Buffer.from(`entry ${index}`)))

const split = (count: number): number => {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

const treeHash = (nodes: readonly Uint8Array[]): Uint8Array => {
  const [only] = nodes
  if (only === undefined) return emptyRoot
  if (nodes.length === 1) return only
  const at = split(nodes.length)
  return nodeHash(treeHash(nodes.slice(0, at)), treeHash(nodes.slice(at)))
}

const roots = new Map<string, Uint8Array>()
/** The same, remembered: brute force over every tree would else take minutes. */
const rootOf = (from: number, to: number): Uint8Array => {
  const name = `${from}-${to}`
  const known = roots.get(name)
  if (known) return known
  const count = to - from
  const at = from + split(count)
  const made =
    count <= 1 ? treeHash(leaves.slice(from, to)) : nodeHash(rootOf(from, at), rootOf(at, to))
  roots.set(name, made)
  return made
}

describe('hashes (RFC 6962, section 2.1)', () => {
  test('the vectors of an empty tree, an empty leaf and the first two leaves', () => {
    expect(emptyRoot.toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    )
    expect(leafHash(Buffer.alloc(0)).toString('hex')).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    )
    expect(leafHash(Buffer.from('00', 'hex')).toString('hex')).toBe(
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    )
  })

  test('a root computed leaf by leaf is the root computed at once, for every size', () => {
    const growing = new TreeRoot()
    expect(growing.root()).toEqual(emptyRoot)
    leaves.forEach((leaf, index) => {
      growing.add(leaf)
      expect(Buffer.from(growing.root())).toEqual(Buffer.from(rootOf(0, index + 1)))
    })
    expect(growing.size).toBe(300)
  })
})

describe('inclusion', () => {
  test('an empty tree includes nothing', () => {
    expect(
      verifyInclusion({ index: 0, size: 0, leaf: emptyRoot, hashes: [], root: emptyRoot }),
    ).toBe(false)
  })

  test('numbers that are none, and hashes of another length, are refused', () => {
    const right = {
      index: 0,
      size: 1,
      leaf: leaves[0] ?? emptyRoot,
      hashes: [],
      root: rootOf(0, 1),
    }
    expect(verifyInclusion(right)).toBe(true)
    expect(verifyInclusion({ ...right, index: 0.5 })).toBe(false)
    expect(verifyInclusion({ ...right, size: Number.NaN })).toBe(false)
    expect(verifyInclusion({ ...right, root: Buffer.alloc(31) })).toBe(false)
  })
})

describe('consistency', () => {
  test('every tree begins with the empty one, and is consistent with itself alone at its size', () => {
    const [root, other] = [rootOf(0, 5), rootOf(0, 6)]
    const whole = { from: 5, to: 5, fromRoot: root, toRoot: root, hashes: [] }
    expect(verifyConsistency(whole)).toBe(true)
    expect(verifyConsistency({ ...whole, toRoot: other })).toBe(false)
    expect(verifyConsistency({ ...whole, hashes: [root] })).toBe(false)
    expect(verifyConsistency({ ...whole, from: 0, fromRoot: emptyRoot })).toBe(true)
    expect(verifyConsistency({ ...whole, from: 0 })).toBe(false)
    expect(verifyConsistency({ ...whole, from: 6, fromRoot: other })).toBe(false)
  })
})

describe('signed notes and checkpoints (C2SP)', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const named = Buffer.concat([Buffer.of(1), raw])
  const name = 'log.example/shuqiao'
  const keyId = keyIdOf(name, named)
  const keyText = `${name}+${keyId.toString(16).padStart(8, '0')}+${named.toString('base64')}`
  const body = `${name}\n300\n${Buffer.from(rootOf(0, 300)).toString('base64')}\n`
  const signed = (text: string, id = keyId): string => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(id)
    const signature = sign(null, Buffer.from(text), privateKey)
    return `${text}\n— ${name} ${Buffer.concat([head, signature]).toString('base64')}\n`
  }
  const key = parseVerifierKey(keyText)
  const keys = key === null ? [] : [key]

  test('a checkpoint that the key has signed opens to its size and root', () => {
    const opened = openCheckpoint(signed(body), keys)
    expect(opened).toEqual({
      isValid: true,
      checkpoint: { origin: name, size: 300, root: Buffer.from(rootOf(0, 300)) },
    })
  })

  test('the published example key of the Go sum database is read, and not with another id', () => {
    const published = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'
    expect(parseVerifierKey(published)?.name).toBe('sum.golang.org')
    expect(parseVerifierKey(published.replace('033de0ae', '033de0af'))).toBeNull()
  })

  test('another text under the same signature, another key and no signature at all are refused', () => {
    const other = signed(body).replace('\n300\n', '\n299\n')
    expect(openCheckpoint(other, keys)).toEqual({ isValid: false, why: 'wrong-signature' })
    expect(openCheckpoint(signed(body), [])).toEqual({ isValid: false, why: 'unknown-key' })
    expect(openCheckpoint(signed(body, 7), keys)).toEqual({ isValid: false, why: 'unknown-key' })
    expect(openCheckpoint(body, keys)).toEqual({ isValid: false, why: 'not-a-note' })
    expect(openCheckpoint(signed('hello\n'), keys)).toEqual({
      isValid: false,
      why: 'not-a-checkpoint',
    })
  })

  test('a wrong signature beside a right one of the same key is not passed over', () => {
    const [good, bad] = [signed(body), signed(`${body}x\n`)]
    const both = `${good}${bad.slice(bad.lastIndexOf('\n\n') + 2)}`
    expect(openCheckpoint(both, keys)).toEqual({ isValid: false, why: 'wrong-signature' })
  })

  test('numbers with leading zeros, roots of another length and carriage returns are no checkpoint', () => {
    const root = Buffer.from(rootOf(0, 300)).toString('base64')
    expect(parseCheckpoint(`${name}\n0300\n${root}\n`)).toBeNull()
    expect(parseCheckpoint(`${name}\n300\n${root.slice(4)}\n`)).toBeNull()
    expect(parseCheckpoint(`\n300\n${root}\n`)).toBeNull()
    expect(parseCheckpoint(`${name}\n300\n${root}`)).toBeNull()
    expect(parseNote(signed(body).replaceAll('\n', '\r\n'))).toBeNull()
  })
})
