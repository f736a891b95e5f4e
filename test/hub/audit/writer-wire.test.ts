import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { CopyWriter } from '../../../src/hub/audit/wire.ts'

/** The bytes of one field behind its length, as COPY's binary format has it. */
function fieldOf(put: (writer: CopyWriter) => void): Buffer {
  const writer = new CopyWriter(0)
  put(writer)
  const { bytes } = writer
  expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
  return bytes.subarray(4)
}

test('whole numbers are eight bytes in two’s complement, as far as numbers are exact', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      expect(fieldOf((writer) => writer.putBigint(value)).readBigInt64BE()).toBe(BigInt(value))
    }),
  )
})

test('instants are microseconds since the year 2000, on either side of it', () => {
  const instant = fc.date({ min: new Date(0), max: new Date('2250-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(instant, (at) => {
      const micros = fieldOf((writer) => writer.putInstant(at.getTime())).readBigInt64BE()
      expect(micros).toBe(BigInt(at.getTime() - Date.UTC(2000, 0, 1)) * 1000n)
    }),
  )
})

test('texts are UTF-8, short or long, of ASCII or with one character that is not', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    fc.constantFrom('', 'x'.repeat(24), 'x'.repeat(25), `${'x'.repeat(23)}王`, 'a\u0080b', '𠮷'),
  )
  fc.assert(
    fc.property(text, (value) => {
      expect(fieldOf((writer) => writer.putText(value))).toEqual(Buffer.from(value))
    }),
  )
})

test('what is absent is a length of minus one', () => {
  const writer = new CopyWriter(0)
  writer.putText(null)
  writer.putBytes(null)
  expect(writer.bytes).toEqual(Buffer.alloc(8, 0xff))
})

test('what is written after clearing is as if nothing had been written before, however large that was', () => {
  const writer = new CopyWriter(16)
  for (const length of [3, 400, 5]) {
    writer.clear()
    writer.putText('x'.repeat(length))
    expect(writer.bytes).toHaveLength(4 + length)
    expect(writer.bytes.readInt32BE(0)).toBe(length)
  }
})
