import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import type { FactName } from './canonical-facts.ts'
import { saltLength } from './salts.ts'

/*
 * An entry's clear values and salts, as they lie in audit.search.details:
 *   nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16)
 * of the JSON text
 *   { "version": 1, "salts": "<the facts' salts, in the order of their names>", "facts": { … } }
 * What details say is proved by the leaf's digests.
 */
const version = 1
const nonceBytes = 12
const tagBytes = 16

/**
 * NIST SP 800-38D, 8.2.1: a part of its own per process and a counter, so that a month's key may seal
 * more than the 2^32 entries that random nonces allow.
 */
let noncePrefix = randomBytes(8)
let nonceCounter = 0

function nextNonce(): Buffer {
  if (nonceCounter > 0xffff_ffff) {
    noncePrefix = randomBytes(8)
    nonceCounter = 0
  }
  const nonce = Buffer.allocUnsafe(nonceBytes)
  nonce.set(noncePrefix)
  nonce.writeUInt32BE(nonceCounter++, 8)
  return nonce
}

/** Ordinary entries are encoded here: a buffer of its own for each costs as much as its encryption. */
const scratch = Buffer.allocUnsafe(64 * 1024)

/** Valid until the next call. */
function utf8(text: string): Buffer {
  if (text.length * 3 > scratch.length) return Buffer.from(text)
  return scratch.subarray(0, scratch.write(text, 'utf8'))
}

/** Seals the facts' canonical JSON text with their salts, in the order of their names. */
export function sealDetails(key: KeyObject, facts: string, salts: string): Buffer {
  const nonce = nextNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const sealed = cipher.update(utf8(`{"version":${version},"salts":"${salts}","facts":${facts}}`))
  cipher.final() // GCM keeps nothing back: there is no last block
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()])
}

export interface Details {
  facts: Partial<Record<FactName, unknown>>
  /** By the fact's name. */
  salts: Partial<Record<FactName, string>>
}

/** Opens what `sealDetails` made. Throws when the key is another or the bytes were changed. */
export function openDetails(key: KeyObject, sealed: Buffer): Details {
  const nonce = sealed.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  const plain = Buffer.concat([
    decipher.update(sealed.subarray(nonceBytes, -tagBytes)),
    decipher.final(),
  ])
  const { version: found, salts, facts }: Stored = JSON.parse(plain.toString())
  if (found !== version) throw new Error(`Audit details of version ${found} cannot be read`)
  return { facts, salts: splitSalts(Object.keys(facts).toSorted(), salts) }
}

interface Stored {
  version: number
  salts: string
  facts: Details['facts']
}

const splitSalts = (names: readonly string[], salts: string): Details['salts'] =>
  Object.fromEntries(
    names.map((name, index) => [name, salts.slice(index * saltLength, (index + 1) * saltLength)]),
  )
