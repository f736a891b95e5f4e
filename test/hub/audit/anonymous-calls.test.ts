import { expect, test } from 'vitest'
import { AnonymousCalls, untilNextMinute } from '../../../src/hub/audit/anonymous-calls.ts'
import { auditLimits } from '../../../src/hub/audit/limits.ts'

const call = (address: string, second = 0) => ({
  operation: 'signIn',
  outcome: 'denied' as const,
  code: 'credentials-invalid',
  requestId: `request-${second}`,
  requestedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, second)),
  address,
})

test('the counted entry has the first call’s facts, the count, the last time and the kinds', () => {
  const calls = new AnonymousCalls()
  for (const second of [3, 9, 6]) calls.add(call('203.0.113.5', second))
  expect(calls.take()).toEqual([
    {
      ...call('203.0.113.5', 3),
      note: {
        count: 3,
        lastAt: '2026-01-01T00:00:09.000Z',
        kinds: { 'signIn credentials-invalid': 3 },
      },
    },
  ])
  expect(calls.take()).toEqual([])
})

test('more addresses than the limit share one entry, so that memory has an end', () => {
  const calls = new AnonymousCalls()
  const { foldedAddressesMax } = auditLimits
  for (let index = 0; index < foldedAddressesMax + 50; index++)
    calls.add(call(`2001:db8::${index}`))
  expect(calls.size).toBe(foldedAddressesMax + 1)
  expect(calls.take().find(({ address }) => address === '*')?.note).toMatchObject({ count: 50 })
})

test('a minute ends after at most a minute', () => {
  expect(untilNextMinute(Date.UTC(2026, 0, 1, 0, 0, 59))).toBe(1000)
  expect(untilNextMinute(Date.UTC(2026, 0, 1, 0, 1, 0))).toBe(60_000)
})
