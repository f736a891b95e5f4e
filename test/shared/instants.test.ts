import fc from 'fast-check'
import { expect, test } from 'vitest'
import { instantText } from '../../src/shared/instants.ts'

test('an instant is written as JavaScript writes it, whichever was written before', () => {
  const anyInstant = fc.date({ noInvalidDate: true })
  const near = fc.integer({ min: -3000, max: 3000 }).map((ms) => new Date(ms))
  fc.assert(
    fc.property(fc.array(fc.oneof(anyInstant, near), { minLength: 2, maxLength: 20 }), (dates) => {
      for (const date of dates) expect(instantText(date.getTime())).toBe(date.toISOString())
    }),
  )
})

test('what no calendar can say is refused, and spoils nothing after it', () => {
  expect(() => instantText(8.64e15 + 1000)).toThrow(RangeError)
  expect(() => instantText(Number.NaN)).toThrow(RangeError)
  expect(instantText(0)).toBe('1970-01-01T00:00:00.000Z')
})
