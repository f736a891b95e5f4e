import { hash } from 'node:crypto'

/*
 * What the Merkle tree commits to: canonical JSON (RFC 8785) of
 *   { facts: base64url(SHA-256(canonical JSON of the digests)), id, readyAt, version: 2 }
 * where the digests are the object
 *   { <name>: base64url(SHA-256(salt ‖ name ‖ 0x00 ‖ canonical JSON of the value)), … }
 * all of it UTF-8, the salt as the text that it is written as. The names are those of the guarded facts
 * that the entry has (`canonical-facts.ts`), each by itself, and `open`, whose value is the object of all
 * its other facts.
 *
 * A guarded fact (whose record, who asked at the desk, in which case, from where) has a salt of its own,
 * so that it can be shown, or erased, alone. The open ones (who, when, which resource and fields, how it
 * ended) share one digest, although a digest for each fact would show them one by one: they are never
 * erased, nobody may see some of them and not the others (most lie in the clear in the search), and
 * digests for all made an entry half as dear again. Version 1 had one for each fact and nothing named
 * `open`; all else was the same.
 *
 * The leaf holds the digests' digest instead of all of them because it binds them just as well, in a
 * fraction of the bytes, and does not tell which facts an entry has. A leaf has 160 bytes whatever the
 * facts hold, far below the 65,535 that a bundle of entries can carry (C2SP tlog-tiles).
 */
export const leafVersion = 2

/** Digest of one guarded fact, or of the open ones. */
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
  const text = `{"facts":"${facts}","id":"${id}","readyAt":"${readyAt}","version":${leafVersion}}`
  return { text, hash: hash('sha256', `\0${text}`, 'hex') }
}
