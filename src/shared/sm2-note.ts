/**
 * SM2 signatures with SM3 (GB/T 32918.2, GB/T 32905) of signed notes. C2SP gives the algorithm no number:
 * its byte is 0xFF, "without assigned identifier", behind which the key says in words what it is:
 *
 *   key material = 0xFF ‖ "sm2-with-sm3" ‖ 0x04 ‖ x ‖ y      (65 bytes of an uncompressed point)
 *   signature    = r ‖ s                                      (64 bytes)
 *
 * The signer's identity is the standard's default, 1234567812345678, as OpenSSL's `distid`.
 */
import { sm2 } from 'sm-crypto-v2'
import type { SignatureCheck } from './proofs.ts'

export const unassignedAlgorithm = 0xff
export const sm2Identity = '1234567812345678'

const algorithmName = Buffer.from('sm2-with-sm3')
const pointBytes = 65
const signatureBytes = 64

/** A note's key material; `point` is uncompressed. */
export const sm2KeyMaterial = (point: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(unassignedAlgorithm), algorithmName, point])

/** The point of a verifier key's public part; null where it is of another algorithm. */
function pointOf(publicKey: Buffer): string | null {
  const point = publicKey.subarray(algorithmName.length)
  const isOurs = publicKey.subarray(0, algorithmName.length).equals(algorithmName)
  return isOurs && point.length === pointBytes && point[0] === 4 ? point.toString('hex') : null
}

const checkSm2: SignatureCheck = ({ publicKey }, text, signature) => {
  const point = pointOf(publicKey)
  if (point === null || signature.length !== signatureBytes) return false
  try {
    if (!sm2.verifyPublicKey(point)) return false
    const how = { hash: true, userId: sm2Identity }
    return sm2.doVerifySignature(text, signature.toString('hex'), point, how)
  } catch {
    // The library throws at points and numbers that cannot be.
    return false
  }
}

/** For the `checks` of `openCheckpoint`. */
export const sm2Checks: Readonly<Record<number, SignatureCheck>> = {
  [unassignedAlgorithm]: checkSm2,
}
