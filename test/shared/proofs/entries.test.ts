import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeLeaf } from '../../../src/hub/audit/leaf.ts'
import { readEntry, readHead, viewBundle } from '../../../src/shared/proofs/entries.ts'

const ids = fc.uuid({ version: 7 })
const instants = fc
  .date({ min: new Date(0), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString())
const around = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
const leaves = fc
  .record({ id: ids, readyAt: instants, facts: fc.string() })
  .map(({ id, readyAt, facts }) => Buffer.from(makeLeaf(id, readyAt, facts).text))

/** The head as it is read where the entry stands among other bytes. */
const headAmong = (before: Buffer, leaf: Buffer, after: Buffer) =>
  readHead(
    viewBundle(Buffer.concat([before, leaf, after])),
    before.length,
    before.length + leaf.length,
  )

test('the head of an entry is what the whole entry says, wherever it stands in a bundle', () => {
  fc.assert(
    fc.property(around, leaves, around, (before, leaf, after) => {
      const { id, ms, readyAt } = readEntry(leaf) ?? {}
      expect(headAmong(before, leaf, after)).toEqual({ id, ms, readyAt })
      expect(ms).toBe(Number.parseInt((id ?? '').replaceAll('-', '').slice(0, 12), 16))
    }),
  )
})

test('an entry of which one byte before its version is not what it must be has no head', () => {
  const [leaf = Buffer.alloc(0)] = fc.sample(leaves, 1)
  // The digest stands from 10 to 52, the instant from 110 to 133: what they say is judged elsewhere.
  const held = Array.from({ length: 146 }, (_, at) => at).filter(
    (at) => !(at >= 10 && at < 53) && !(at >= 110 && at < 134),
  )
  for (const at of held) {
    const changed = Buffer.from(leaf)
    changed.writeUInt8('G'.charCodeAt(0), at)
    expect([at, headAmong(Buffer.alloc(0), changed, Buffer.alloc(0))]).toEqual([at, null])
  }
})

test('what is cut off has no head, whatever follows it', () => {
  fc.assert(
    fc.property(leaves, fc.integer({ min: 0, max: 145 }), (leaf, length) => {
      const cut = leaf.subarray(0, length)
      expect(headAmong(Buffer.alloc(0), cut, leaf.subarray(length))).toBeNull()
      expect(headAmong(Buffer.alloc(0), cut, Buffer.alloc(0))).toBeNull()
    }),
  )
})
