import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findRepeated, type Repeated, watchIds } from '../../../src/shared/proofs/repeated-ids.ts'

/** Finds what stands twice with room for so many late ids only; counts how often all were gone through. */
async function repeatedIn(ids: readonly string[], max: number) {
  const repeated: Repeated[] = []
  let roundCount = 0
  const watched = watchIds(0, max)
  ids.forEach((id, position) => watched.pass(id, position))
  await findRepeated(
    watched,
    (pass) => {
      roundCount += 1
      ids.forEach(pass)
      return Promise.resolve()
    },
    (one) => repeated.push(one),
    max,
  )
  return { repeated, roundCount }
}

describe('ids that stand twice', () => {
  test('are all found, however late and far apart, with room for few', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 100, max: 160 }).map(String), { maxLength: 80 }),
        fc.integer({ min: 1, max: 5 }),
        async (ids, max) => {
          const { repeated } = await repeatedIn(ids, max)
          const wanted = ids.flatMap((id, again) => (ids.indexOf(id) < again ? [again] : []))
          const found = repeated.map(({ again }) => again).toSorted((a, b) => a - b)
          expect([...new Set(found)]).toEqual(wanted)
          for (const { id, first, again } of repeated) {
            expect([ids.indexOf(id), ids[again]]).toEqual([first, id])
          }
        },
      ),
    )
  })

  test('cost nothing where ids come in their order', async () => {
    const ids = Array.from({ length: 1000 }, (_, index) => String(10_000 + index))
    expect(await repeatedIn(ids, 2)).toEqual({ repeated: [], roundCount: 0 })
  })
})
