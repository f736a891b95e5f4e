/** Signatures of deliveries over HTTP: the hub signs each batch, the subscriber checks with these words. */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** The parts that a signature holds together; a batch cannot be passed off as another, nor be put off. */
export interface SignedDelivery {
  /** Seconds since 1970, as `X-Shuqiao-Timestamp` says them. */
  timestamp: number
  /** `X-Shuqiao-Delivery`. */
  delivery: string
  /** `X-Shuqiao-Batch`: the batch's number, or `end`. */
  batch: number | 'end'
  /** The body's text, byte for byte as it was sent. */
  body: string
}

export const signatureToleranceSeconds = 300

/**
 * `v1=` and the hex HMAC-SHA-256 (RFC 2104) over `<timestamp>.<delivery>.<batch>.<body>`, the value of
 * `X-Shuqiao-Signature`.
 */
export const signDelivery = (signed: SignedDelivery, key: string): string =>
  `v1=${createHmac('sha256', key)
    .update(`${signed.timestamp}.${signed.delivery}.${signed.batch}.${signed.body}`)
    .digest('hex')}`

/**
 * Whether the signature is that of the parts and not older (or newer) than the tolerance allows.
 * Compared in constant time, so that answers cannot be used to guess it; several signatures in one header,
 * separated by commas, are for a change of keys: one that fits is enough.
 */
export function verifyDelivery(
  signed: SignedDelivery,
  signature: string,
  { key, nowSeconds, toleranceSeconds = signatureToleranceSeconds }: VerifyOptions,
): boolean {
  if (!Number.isFinite(signed.timestamp)) return false
  if (Math.abs(nowSeconds - signed.timestamp) > toleranceSeconds) return false
  const expected = Buffer.from(signDelivery(signed, key))
  const isEqual = (given: string): boolean => {
    const bytes = Buffer.from(given)
    return bytes.length === expected.length && timingSafeEqual(bytes, expected)
  }
  return signature
    .split(',')
    .map((part) => isEqual(part.trim()))
    .includes(true)
}

export interface VerifyOptions {
  /** `settings.signingKey` of the delivery. */
  key: string
  nowSeconds: number
  toleranceSeconds?: number
}
