import fc from 'fast-check'
import { expect, test } from 'vitest'
import { writeItems } from '../../../src/hub/sharing/write-items.ts'

const write = (item: unknown): string => JSON.stringify(item)

test('what is written is the list as JSON, whatever its texts hold and however long they are', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('𠮷'.repeat(30_000), '数桥'.repeat(40_000), '"\\\n'),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 250 }), async (items) => {
      const bytes = await writeItems({ items, write, tail: ',"next":"7"}' })
      // What JSON cannot say as it is, such as half a pair, it escapes: both texts say the same.
      expect(bytes.toString()).toBe(JSON.stringify({ items, next: '7' }))
    }),
    { numRuns: 40 },
  )
})

test('a long list lets other work come between its items', async () => {
  const items = Array.from({ length: 1000 }, (_, place) => place)
  let turnsBetween = 0
  let isWriting = true
  const turn = (): void => {
    if (!isWriting) return
    turnsBetween += 1
    setImmediate(turn)
  }
  setImmediate(turn)
  const bytes = await writeItems({ items, write, tail: '}' })
  isWriting = false
  expect(JSON.parse(bytes.toString())).toEqual({ items })
  expect(turnsBetween).toBeGreaterThanOrEqual(9)
})

test('what cannot be written fails the whole list', async () => {
  const failing = writeItems({
    items: [1, 2],
    write: (item) => {
      if (item === 2) throw new Error('no')
      return write(item)
    },
    tail: '}',
  })
  await expect(failing).rejects.toThrow('no')
})
