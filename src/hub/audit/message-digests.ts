import { createHash, hash } from 'node:crypto'

/*
 * An entry commits to what was asked and answered, byte for byte, and can be read by many who may see neither:
 * a digest alone would let them try numbers until one fits. So it is made with a salt (`drawSalt`) that the
 * caller gets with the answer (`X-Audit-Salt`) and that the hub forgets:
 *   base64url(SHA-256(salt ‖ "request" or "response" ‖ 0x00 ‖ bytes))
 * Of a call without a body the request is its path with the query, as sent. No lengths are kept: that of a
 * verification's answer tells whether the claims were true, and would outlive its redaction.
 */
export function digestMessage(
  salt: string,
  name: 'request' | 'response',
  message: string | Buffer,
): string {
  const start = `${salt}${name}\0`
  // One text is hashed in one call; a long body is not copied for it.
  if (typeof message === 'string') return hash('sha256', start + message, 'base64url')
  return createHash('sha256').update(start).update(message).digest('base64url')
}
