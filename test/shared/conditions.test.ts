import { describe, expect, test } from 'vitest'
import type { Condition } from '../../schemas/field.ts'
import {
  compileAnyCondition,
  compileConditions,
  recordStatusOf,
  subjectStatusOf,
  todayInShanghai,
} from '../../src/shared/conditions.ts'

const today = '2026-03-15'
const holds = (condition: Condition, record: Record<string, unknown>): boolean =>
  compileConditions([condition])(record, today)

describe('a condition', () => {
  test('takes null, the empty text and a list without entries for no value', () => {
    for (const value of [undefined, null, '', []]) {
      expect(holds({ field: 'f', present: true }, { f: value })).toBe(false)
      expect(holds({ field: 'f', present: false }, { f: value })).toBe(true)
    }
    for (const value of [0, false, '0', [1]]) {
      expect(holds({ field: 'f', present: true }, { f: value })).toBe(true)
    }
  })

  test('finds a missing value in no list, and neither before nor after today', () => {
    expect(holds({ field: 'f', in: ['1'] }, {})).toBe(false)
    expect(holds({ field: 'f', notIn: ['1'] }, {})).toBe(true)
    expect(holds({ field: 'f', beforeToday: true }, {})).toBe(false)
    expect(holds({ field: 'f', afterToday: true }, { f: null })).toBe(false)
    expect(holds({ field: 'f', beforeToday: false }, {})).toBe(true)
  })

  test('compares values by their type too: the code 1 is not the number 1', () => {
    expect(holds({ field: 'f', in: ['1', true] }, { f: '1' })).toBe(true)
    expect(holds({ field: 'f', in: ['1', true] }, { f: true })).toBe(true)
    expect(holds({ field: 'f', in: ['1', true] }, { f: 1 })).toBe(false)
    expect(holds({ field: 'f', notIn: ['1'] }, { f: '1' })).toBe(false)
  })

  test('counts today as neither before nor after', () => {
    for (const [date, isBefore, isAfter] of [
      ['2026-03-14', true, false],
      ['2026-03-15', false, false],
      ['2026-03-16', false, true],
    ] as const) {
      expect(holds({ field: 'f', beforeToday: true }, { f: date })).toBe(isBefore)
      expect(holds({ field: 'f', afterToday: true }, { f: date })).toBe(isAfter)
    }
  })

  test('reads an instant by the day in Shanghai', () => {
    const before = { field: 'f', beforeToday: true }
    expect(holds(before, { f: '2026-03-14T15:59:59Z' })).toBe(true)
    expect(holds(before, { f: '2026-03-14T16:00:00Z' })).toBe(false)
    expect(holds({ field: 'f', afterToday: true }, { f: '2026-03-15T16:00:00Z' })).toBe(true)
    expect(holds(before, { f: 'some time ago' })).toBe(false)
  })
})

test('all conditions of a list must hold; of "any", one', () => {
  const conditions = [
    { field: 'a', in: [1] },
    { field: 'b', in: [2] },
  ]
  expect(compileConditions(conditions)({ a: 1, b: 2 }, today)).toBe(true)
  expect(compileConditions(conditions)({ a: 1 }, today)).toBe(false)
  expect(compileAnyCondition(conditions)({ a: 1 }, today)).toBe(true)
  expect(compileAnyCondition(conditions)({}, today)).toBe(false)
  expect(compileConditions([])({}, today)).toBe(true)
  expect(compileAnyCondition([])({}, today)).toBe(false)
})

test('the subject status is the first whose conditions hold, else current', () => {
  const statusOf = subjectStatusOf({
    subjectStatus: [
      { status: 'deceased', when: [{ field: 'deathDate', present: true }] },
      { status: 'moved-away', when: [{ field: 'moveOutDate', beforeToday: true }] },
    ],
  })
  expect(statusOf({ deathDate: '2020-01-01', moveOutDate: '2019-01-01' }, today)).toBe('deceased')
  expect(statusOf({ moveOutDate: '2019-01-01' }, today)).toBe('moved-away')
  expect(statusOf({ moveOutDate: today }, today)).toBe('current')
})

test('the record status comes from the row or is left to others', () => {
  const statusOf = recordStatusOf({
    recordStatus: [{ status: 'cancelled', when: [{ field: 'cancelled', in: [true] }] }],
  })
  expect(statusOf({ cancelled: true }, today)).toBe('cancelled')
  expect(statusOf({ cancelled: false }, today)).toBeUndefined()
})

test('today begins at midnight in Shanghai, which is 16:00 UTC, and the cache follows', () => {
  expect(todayInShanghai(new Date('2026-03-14T15:59:59.999Z'))).toBe('2026-03-14')
  expect(todayInShanghai(new Date('2026-03-14T16:00:00Z'))).toBe('2026-03-15')
  expect(todayInShanghai(new Date('2026-03-15T15:59:59Z'))).toBe('2026-03-15')
  expect(todayInShanghai(new Date('2024-02-28T16:00:00Z'))).toBe('2024-02-29')
})
