import { hash } from 'node:crypto'

/*
 * What the Merkle tree commits to: canonical JSON (RFC 8785) of
 *   { facts: base64url(SHA-256(canonical JSON of the digests)), id, readyAt, version: 1 }
 * where the digests are the object
 *   { <fact>: base64url(SHA-256(salt ‖ fact's name ‖ 0x00 ‖ fact's canonical JSON)), … }
 * all of it UTF-8, the salt as the text that it is written as. One salt a fact, so that one fact can be
 * shown, or erased, alone: beside it go the digests of the others, which follow from details. The leaf
 * holds the digests' digest instead of all of them because it binds them just as well, in a tenth of
 * the bytes, and does not tell which facts an entry has. A leaf has 160 bytes whatever the facts hold, far
 * below the 65,535 that a bundle of entries can carry (C2SP tlog-tiles).
 */

/** Digest of one fact. */
export const digestFact = (salt: string, name: string, canonical: string): string =>
  hash('sha256', `${salt}${name}\0${canonical}`, 'base64url')

export interface Leaf {
  /** The leaf's bytes: every character is ASCII. */
  text: string
  /** Hex of SHA-256(0x00 ‖ bytes): RFC 6962, section 2.1. */
  hash: string
}

/** `digests` is the canonical text of the digests' object. */
export function makeLeaf(id: string, readyAt: string, digests: string): Leaf {
  const facts = hash('sha256', digests, 'base64url')
  const text = `{"facts":"${facts}","id":"${id}","readyAt":"${readyAt}","version":1}`
  return { text, hash: hash('sha256', `\0${text}`, 'hex') }
}
