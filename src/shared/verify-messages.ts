import { hash } from 'node:crypto'
import type { Findings } from './proofs/findings.ts'

/** What a caller kept of a call: its `X-Audit-Salt`, and the bytes of what was asked or answered. */
export interface KeptMessages {
  salt: string
  request?: { name: string; bytes: Buffer } | undefined
  answer?: { name: string; bytes: Buffer } | undefined
}

/** What a receipt shows of its entry, as far as the entry was found to commit to it. */
export interface ProvedFacts {
  entryId: string
  facts: Readonly<Record<string, unknown>>
}

const digestOf = (salt: string, name: string, bytes: Buffer): string =>
  hash('sha256', Buffer.concat([Buffer.from(`${salt}${name}\0`), bytes]), 'base64url')

/**
 * Checks that the entry of a receipt commits to these very bytes: base64url(SHA-256(salt ‖ "request" or
 * "response" ‖ 0x00 ‖ bytes)) is what its facts say. Of a call without a body the request is its path and query.
 */
export function verifyMessages(
  findings: Findings,
  { entryId, facts: { requestDigest, responseDigest } }: ProvedFacts,
  kept: KeptMessages,
): void {
  const messages = [
    { zh: '请求', en: 'request', name: 'request', kept: kept.request, logged: requestDigest },
    { zh: '答复', en: 'answer', name: 'response', kept: kept.answer, logged: responseDigest },
  ]
  for (const { zh, en, name, kept: message, logged } of messages) {
    if (message === undefined) continue
    const fail = findings.check(`${zh}与所记相符`, `the ${en} is the one logged`)
    const at = { entryId, path: message.name }
    if (logged === undefined) {
      fail({
        ...at,
        zh: `回执没有可信的${zh}摘要`,
        en: `the receipt shows no digest of the ${en} that its entry commits to`,
      })
    } else if (digestOf(kept.salt, name, message.bytes) !== logged) {
      fail({
        ...at,
        zh: `${zh}不是所记的那一份,或盐值不对`,
        en: `these are not the bytes that were logged, or the salt is another call's`,
      })
    }
  }
}
