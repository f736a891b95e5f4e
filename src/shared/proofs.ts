/**
 * What anyone needs who holds a receipt or a checkpoint and trusts nobody: RFC 6962 Merkle trees and their
 * proofs (RFC 9162, section 2.1), C2SP signed notes and checkpoints. It shares no code with the hub's own
 * tree, so that a fault in one is found by the other.
 */
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'

/** Base64 or raw, every hash here is 32 bytes of SHA-256. */
const hashBytes = 32

const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  hash('sha256', Buffer.concat(parts), 'buffer')

const leafMark = Buffer.of(0)
const nodeMark = Buffer.of(1)

/** SHA-256(0x00 ‖ entry). */
export const leafHash = (entry: Uint8Array): Buffer => sha256(leafMark, entry)

/** SHA-256(0x01 ‖ left ‖ right). */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer =>
  sha256(nodeMark, left, right)

/** The root of no leaves at all. */
export const emptyRoot: Buffer = sha256(Buffer.alloc(0))

export interface InclusionProof {
  index: number
  size: number
  leaf: Uint8Array
  hashes: readonly Uint8Array[]
  root: Uint8Array
}

/** Whether the leaf stands at its index in the tree of that size and root (RFC 9162, section 2.1.3.2). */
export function verifyInclusion({ index, size, leaf, hashes, root }: InclusionProof): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false
  if (!areHashes([leaf, root, ...hashes])) return false
  let place = index
  let last = size - 1
  let node: Uint8Array = leaf
  for (const sibling of hashes) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      node = nodeHash(sibling, node)
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      node = nodeHash(node, sibling)
    }
    place = half(place)
    last = half(last)
  }
  return last === 0 && same(node, root)
}

export interface ConsistencyProof {
  from: number
  to: number
  fromRoot: Uint8Array
  toRoot: Uint8Array
  hashes: readonly Uint8Array[]
}

/**
 * Whether the tree of size `to` begins with the very leaves of the tree of size `from` (RFC 9162, section
 * 2.1.4.2). Every tree begins with the empty one; a tree is only consistent with itself at its own size.
 */
export function verifyConsistency(proof: ConsistencyProof): boolean {
  const { from, to, fromRoot, toRoot, hashes } = proof
  if (!isCount(from) || !isCount(to) || from > to) return false
  if (!areHashes([fromRoot, toRoot, ...hashes])) return false
  if (from === to) return hashes.length === 0 && same(fromRoot, toRoot)
  if (from === 0) return hashes.length === 0 && same(fromRoot, emptyRoot)
  const path = isPowerOfTwo(from) ? [fromRoot, ...hashes] : hashes
  const [first, ...rest] = path
  if (first === undefined) return false
  let place = from - 1
  let last = to - 1
  while (isOdd(place)) [place, last] = [half(place), half(last)]
  let [older, newer]: Uint8Array[] = [first, first]
  for (const node of rest) {
    if (last === 0 || older === undefined || newer === undefined) return false
    if (isOdd(place) || place === last) {
      older = nodeHash(node, older)
      newer = nodeHash(node, newer)
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      newer = nodeHash(newer, node)
    }
    place = half(place)
    last = half(last)
  }
  return last === 0 && same(older, fromRoot) && same(newer, toRoot)
}

/** Computes a root leaf by leaf, holding one hash a level. */
export class TreeRoot {
  /** Roots of the full subtrees from the left, largest first, with how many leaves each has. */
  #peaks: { node: Uint8Array; size: number }[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  add(leaf: Uint8Array): void {
    let peak = { node: leaf, size: 1 }
    for (let left = this.#peaks.at(-1); left?.size === peak.size; left = this.#peaks.at(-1)) {
      this.#peaks.pop()
      peak = { node: nodeHash(left.node, peak.node), size: peak.size * 2 }
    }
    this.#peaks.push(peak)
    this.#size += 1
  }

  root(): Uint8Array {
    const [last, ...others] = this.#peaks.map(({ node }) => node).toReversed()
    if (last === undefined) return emptyRoot
    return others.reduce((right, left) => nodeHash(left, right), last)
  }
}

/** A checkpoint's body (C2SP tlog-checkpoint): which log, how many entries, which root. */
export interface Checkpoint {
  origin: string
  size: number
  root: Buffer
}

export interface NoteSignature {
  name: string
  /** The four bytes that say which key signed, as an unsigned number. */
  keyId: number
  signature: Buffer
}

/** A signed note (C2SP signed-note): what is signed, to the byte, and who signed it. */
export interface SignedNote {
  text: string
  signatures: NoteSignature[]
}

/** Null where the text is no signed note. */
export function parseNote(note: string): SignedNote | null {
  const end = note.lastIndexOf('\n\n')
  if (end < 0 || !note.endsWith('\n') || note.includes('\r')) return null
  const signatures = note
    .slice(end + 2, -1)
    .split('\n')
    .map(parseSignature)
  if (signatures.some((signature) => signature === null)) return null
  return { text: note.slice(0, end + 1), signatures: signatures.filter((one) => one !== null) }
}

function parseSignature(line: string): NoteSignature | null {
  const parts = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line)
  const [, name, base64] = parts ?? []
  if (name === undefined || base64 === undefined) return null
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length < 5 || bytes.toString('base64') !== base64) return null
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(4) }
}

/** The body of a checkpoint; null where a note says something else. */
export function parseCheckpoint(text: string): Checkpoint | null {
  const [origin, size, root, ...more] = text.split('\n')
  if (!origin || size === undefined || root === undefined || more.at(-1) !== '') return null
  if (!/^(0|[1-9]\d{0,15})$/.test(size)) return null
  const bytes = Buffer.from(root, 'base64')
  if (bytes.length !== hashBytes || bytes.toString('base64') !== root) return null
  return { origin, size: Number(size), root: bytes }
}

/** A key that notes are checked with (C2SP signed-note): `<name>+<key id, hex>+<base64>`. */
export interface VerifierKey {
  name: string
  keyId: number
  /** 0x01 is Ed25519; whoever knows others hands `openCheckpoint` their checks. */
  algorithm: number
  publicKey: Buffer
}

export const ed25519Algorithm = 1

/** Null where the text is no key, or its id does not belong to it. */
export function parseVerifierKey(text: string): VerifierKey | null {
  const [name, id, ...rest] = text.split('+')
  const base64 = rest.join('+')
  if (!name || /\s/u.test(name) || id === undefined || !/^[0-9a-f]{8}$/.test(id)) return null
  const bytes = Buffer.from(base64, 'base64')
  const [algorithm] = bytes
  if (algorithm === undefined || bytes.toString('base64') !== base64) return null
  const keyId = keyIdOf(name, bytes)
  if (keyId !== Number.parseInt(id, 16)) return null
  return { name, keyId, algorithm, publicKey: bytes.subarray(1) }
}

/** The first four bytes of SHA-256(name ‖ 0x0A ‖ algorithm ‖ public key). */
export const keyIdOf = (name: string, algorithmAndKey: Uint8Array): number =>
  sha256(Buffer.from(`${name}\n`), algorithmAndKey).readUInt32BE(0)

/** Checks a signature of one algorithm over a note's text. */
export type SignatureCheck = (key: VerifierKey, text: Buffer, signature: Buffer) => boolean

/** The head of an Ed25519 public key in DER (RFC 8410, section 4), which its 32 bytes follow. */
const ed25519Head = Buffer.from('302a300506032b6570032100', 'hex')

const checkEd25519: SignatureCheck = ({ publicKey }, text, signature) => {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const der = Buffer.concat([ed25519Head, publicKey])
  const key: KeyObject = createPublicKey({ key: der, format: 'der', type: 'spki' })
  return verify(null, text, key, signature)
}

export type CheckedCheckpoint =
  | { isValid: true; checkpoint: Checkpoint }
  | { isValid: false; why: 'not-a-note' | 'not-a-checkpoint' | 'unknown-key' | 'wrong-signature' }

/**
 * Opens a checkpoint with the keys that its holder trusts: at least one of them must have signed it, and
 * none of them may have a signature there that is wrong. Signatures of unknown keys (witnesses) are passed over.
 */
export function openCheckpoint(
  note: string,
  keys: readonly VerifierKey[],
  checks: Readonly<Record<number, SignatureCheck>> = {},
): CheckedCheckpoint {
  const parsed = parseNote(note)
  if (parsed === null) return { isValid: false, why: 'not-a-note' }
  const text = Buffer.from(parsed.text)
  let goodCount = 0
  for (const { name, keyId, signature } of parsed.signatures) {
    const key = keys.find((one) => one.name === name && one.keyId === keyId)
    if (key === undefined) continue
    const check = key.algorithm === ed25519Algorithm ? checkEd25519 : checks[key.algorithm]
    if (check === undefined) continue
    if (!check(key, text, signature)) return { isValid: false, why: 'wrong-signature' }
    goodCount += 1
  }
  if (goodCount === 0) return { isValid: false, why: 'unknown-key' }
  const checkpoint = parseCheckpoint(parsed.text)
  return checkpoint === null
    ? { isValid: false, why: 'not-a-checkpoint' }
    : { isValid: true, checkpoint }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
const isOdd = (value: number): boolean => value % 2 === 1
// Not `>> 1`: a tree may have more leaves than 31 bits can count.
const half = (value: number): number => Math.floor(value / 2)

function isPowerOfTwo(value: number): boolean {
  let rest = value
  while (rest > 1 && !isOdd(rest)) rest = half(rest)
  return rest === 1
}

const areHashes = (parts: readonly Uint8Array[]): boolean =>
  parts.every(({ length }) => length === hashBytes)

const same = (one: Uint8Array | undefined, other: Uint8Array): boolean =>
  one !== undefined && Buffer.from(one).equals(other)
