import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import type { CommittedName, FactName } from './canonical-facts.ts'
import { saltsOfSecret, takeApart } from './salts.ts'

/*
 * An entry's clear values and salts, as they lie in audit.search.details:
 *   nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16)
 * of the JSON text
 *   { "version": 2, "salts": "<one behind the other, by order of names>", "facts": { … } }
 * where the facts are as the leaf commits to them: guarded ones, and `open` with all others. What details
 * say is proved by the leaf's digests.
 */
const version = 2
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

/** Seals the canonical text of what a leaf commits to, with the salts. */
export function sealDetails(key: KeyObject, facts: string, salts: string): Buffer {
  const nonce = nextNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const sealed = cipher.update(utf8(`{"version":${version},"salts":"${salts}","facts":${facts}}`))
  cipher.final() // GCM keeps nothing back: there is no last block
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()])
}

export interface Details {
  facts: Partial<Record<FactName, unknown>>
  /** By the name of a guarded fact; the salt of all facts that have none of their own is `open`. */
  salts: Partial<Record<CommittedName, string>>
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
  return detailsOf(JSON.parse(plain.toString()))
}

interface Stored {
  version: number
  facts: Details['facts'] & { open?: Details['facts'] }
  /** Of version 2. */
  salts?: string
  /** Of version 1, where every fact had a salt of its own and all salts followed from this. */
  secret?: string
}

function detailsOf({ version: found, facts, salts, secret }: Stored): Details {
  const names = Object.keys(facts).toSorted()
  if (found === 1 && secret !== undefined) {
    return { facts, salts: takeApart(saltsOfSecret(secret, names.length), names) }
  }
  if (found !== version || salts === undefined) {
    throw new Error(`Audit details of version ${found} cannot be read`)
  }
  const { open, ...guarded } = facts
  return { facts: { ...open, ...guarded }, salts: takeApart(salts, names) }
}
