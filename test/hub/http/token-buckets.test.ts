import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenBuckets } from '../../../src/hub/http/token-buckets.ts'

test('over any span no more is let through than the burst and what flowed in', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 50 }), (waits, perSecond) => {
      let nowMs = 0
      const buckets = tokenBuckets({ perSecond, burst: 7 }, () => nowMs)
      let passedCount = 0
      for (const wait of waits) {
        nowMs += wait
        if (buckets.take('a') === 0) passedCount += 1
      }
      expect(passedCount).toBeLessThanOrEqual(7 + (nowMs / 1000) * perSecond + 1e-6)
    }),
  )
})

test('what is refused passes after the wait that was told', () => {
  let nowMs = 0
  const buckets = tokenBuckets({ perSecond: 3 }, () => nowMs)
  while (buckets.take('a') === 0);
  nowMs += buckets.wait('a') * 1000 + 0.001
  expect(buckets.take('a')).toBe(0)
})

test('zero lifts the limit', () => {
  const buckets = tokenBuckets({ perSecond: 0 }, () => 0)
  for (let call = 0; call < 10_000; call++) expect(buckets.take('a')).toBe(0)
})

test('no more buckets are kept than allowed, whoever calls', () => {
  const buckets = tokenBuckets({ perSecond: 1, bucketsMax: 2 }, () => 0)
  expect(buckets.take('a')).toBe(0)
  expect(buckets.take('a')).toBeGreaterThan(0)
  for (const key of ['b', 'c']) buckets.take(key)
  expect(buckets.take('a')).toBe(0)
})
