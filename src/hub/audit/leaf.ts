import { hash } from 'node:crypto'

/*
 * What the Merkle tree commits to: canonical JSON (RFC 8785) of
 *   { digests: { <fact>: base64url(SHA-256(salt ‖ fact's name ‖ 0x00 ‖ fact's canonical JSON)) },
 *     id, readyAt, version: 1 }
 * all of it UTF-8, the salt as the text that it is stored as. One salt a fact, so that one fact can be
 * shown, or erased, alone. A leaf is at most 3 kB whatever the facts hold, far below the 65,535 bytes
 * that a bundle of entries can carry (C2SP tlog-tiles).
 */

/** Digest of one fact, as it stands in the leaf. */
export const digestFact = (salt: string, name: string, canonical: string): string =>
  hash('sha256', `${salt}${name}\0${canonical}`, 'base64url')

export interface Leaf {
  bytes: Buffer
  /** Hex of SHA-256(0x00 ‖ bytes): RFC 6962, section 2.1. */
  hash: string
}

/** `digests` is the canonical text of the digests' object. Every character of a leaf is ASCII. */
export function makeLeaf(id: string, readyAt: string, digests: string): Leaf {
  const text = `\0{"digests":${digests},"id":"${id}","readyAt":"${readyAt}","version":1}`
  const prefixed = Buffer.from(text, 'latin1')
  return { bytes: prefixed.subarray(1), hash: hash('sha256', prefixed, 'hex') }
}
