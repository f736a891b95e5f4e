import { createHash, hash } from 'node:crypto'
import { drawSalt } from './salts.ts'

/*
 * An entry commits to what was asked and answered, byte for byte, and can be read by many who may see neither:
 * a digest alone would let them try numbers until one fits. So it is made with a salt of 144 random bits that
 * the caller gets with the answer (`X-Audit-Salt`) and that the hub forgets:
 *   base64url(SHA-256(salt ‖ "request" or "response" ‖ 0x00 ‖ bytes))
 * Of a call without a body the request is its path with the query, as sent. No lengths are kept: that of a
 * verification's answer tells whether the claims were true, and would outlive its redaction.
 */

/** The digests of one call. */
export interface MessageDigests {
  salt: string
  ofRequest(text: string): { requestDigest: string }
  ofAnswer(body: string | Buffer): { responseDigest: string }
}

export function messageDigests(): MessageDigests {
  const salt = drawSalt()
  return {
    salt,
    ofRequest: (text) => ({ requestDigest: digest(salt, 'request', text) }),
    ofAnswer: (body) => ({ responseDigest: digest(salt, 'response', body) }),
  }
}

function digest(salt: string, name: 'request' | 'response', message: string | Buffer): string {
  const start = `${salt}${name}\0`
  // One text is hashed in one call; a long body is not copied for it.
  if (typeof message === 'string') return hash('sha256', start + message, 'base64url')
  return createHash('sha256').update(start).update(message).digest('base64url')
}
