import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { signDelivery, verifyDelivery } from '../../../src/shared/delivery-signature.ts'

const key = 'example-signing-key-0001'
const signed = {
  timestamp: 1_795_000_000,
  delivery: 'population-to-tax',
  batch: 7,
  body: '{"batch":7,"姓名":"张三"}',
} as const

describe('signatures of deliveries', () => {
  test('the vectors hold that a subscriber in another language can check itself against', () => {
    // Made with `printf %s '<timestamp>.<delivery>.<batch>.<body>' | openssl dgst -sha256 -hmac <key>`.
    expect(signDelivery(signed, key)).toBe(
      'v1=b419d9ed8f2ba711e7bea9b8bccf18779a4197f412b01ab3ccdcd983d28cadc3',
    )
    expect(signDelivery({ ...signed, batch: 'end', body: '' }, key)).toBe(
      'v1=97c6344acccd431d9671455ef428ede24b60c4eb209cfc3b2ecd9d1fafeaa026',
    )
  })

  test('a signature is refused once any signed part is another', () => {
    const signature = signDelivery(signed, key)
    const options = { key, nowSeconds: signed.timestamp }
    expect(verifyDelivery(signed, signature, options)).toBe(true)
    for (const other of [
      { ...signed, body: `${signed.body} ` },
      { ...signed, batch: 8 },
      { ...signed, batch: 'end' as const },
      { ...signed, delivery: 'population-to-police' },
      { ...signed, timestamp: signed.timestamp + 1 },
    ])
      expect(verifyDelivery(other, signature, options)).toBe(false)
    expect(verifyDelivery(signed, signature, { ...options, key: `${key}x` })).toBe(false)
  })

  test('an old delivery, and one from the future, is refused beyond the tolerance', () => {
    const signature = signDelivery(signed, key)
    const at = (nowSeconds: number, toleranceSeconds = 300): boolean =>
      verifyDelivery(signed, signature, { key, nowSeconds, toleranceSeconds })
    expect(at(signed.timestamp + 300)).toBe(true)
    expect(at(signed.timestamp + 301)).toBe(false)
    expect(at(signed.timestamp - 301)).toBe(false)
    expect(
      verifyDelivery({ ...signed, timestamp: Number.NaN }, signature, { key, nowSeconds: 1 }),
    ).toBe(false)
  })

  test('while keys are changed one of several signatures is enough', () => {
    const both = `${signDelivery(signed, 'the-former-signing-key')}, ${signDelivery(signed, key)}`
    expect(verifyDelivery(signed, both, { key, nowSeconds: signed.timestamp })).toBe(true)
  })

  test('no text passes for a signature but the signature', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(verifyDelivery(signed, text, { key, nowSeconds: signed.timestamp })).toBe(false)
      }),
    )
  })
})
