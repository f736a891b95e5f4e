/** Conditions on one record, given as data by a standard, compiled once to plain functions. */
import type { Condition, Standard } from '../../schemas/field.ts'

export type ConditionTest = (record: Record<string, unknown>, today: string) => boolean
type ValueTest = (value: unknown, today: string) => boolean

/** True where every condition holds; without conditions always true. `today` is `YYYY-MM-DD` in Shanghai. */
export function compileConditions(conditions: readonly Condition[]): ConditionTest {
  const tests = conditions.map(compileCondition)
  return (record, today) => tests.every((test) => test(record, today))
}

/** True where at least one condition holds; without conditions never. */
export function compileAnyCondition(conditions: readonly Condition[]): ConditionTest {
  const tests = conditions.map(compileCondition)
  return (record, today) => tests.some((test) => test(record, today))
}

/**
 * A missing value is in no list: `in` fails, `notIn` holds, and it lies neither before nor after today.
 * Whoever wants a value besides says `present: true`.
 */
function compileCondition(condition: Condition): ConditionTest {
  const { field } = condition
  const tests = valueTestsOf(condition)
  return (record, today) => {
    const value = record[field]
    return tests.every((test) => test(value, today))
  }
}

function valueTestsOf(condition: Condition): ValueTest[] {
  const { present, beforeToday, afterToday } = condition
  const tests: ValueTest[] = []
  if (present !== undefined) tests.push((value) => hasValue(value) === present)
  if (condition.in) tests.push(isAmong(condition.in, true))
  if (condition.notIn) tests.push(isAmong(condition.notIn, false))
  if (beforeToday !== undefined)
    tests.push((value, today) => isBefore(value, today) === beforeToday)
  if (afterToday !== undefined) tests.push((value, today) => isAfter(value, today) === afterToday)
  return tests
}

function isAmong(values: readonly unknown[], expected: boolean): ValueTest {
  const members = new Set(values)
  return (value) => members.has(value) === expected
}

/** No value: null, the empty text, and a child list without entries. */
const hasValue = (value: unknown): boolean =>
  value != null && value !== '' && !(Array.isArray(value) && value.length === 0)

const isBefore = (value: unknown, today: string): boolean => {
  const day = dayOf(value)
  return day !== undefined && day < today
}

const isAfter = (value: unknown, today: string): boolean => {
  const day = dayOf(value)
  return day !== undefined && day > today
}

const dateLength = 'YYYY-MM-DD'.length

/** The day of a date, or of an RFC 3339 instant as it is told in Shanghai; undefined for anything else. */
function dayOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length < dateLength) return undefined
  if (value.length === dateLength) return value
  const instant = Date.parse(value)
  return Number.isNaN(instant) ? undefined : dayInShanghai(instant)
}

const dayMs = 86_400_000
/** China keeps UTC+8 without summer time since 1991-09-15 (tz database, Asia/Shanghai). */
const shanghaiOffsetMs = 28_800_000

const dayInShanghai = (instantMs: number): string =>
  new Date(instantMs + shanghaiOffsetMs).toISOString().slice(0, dateLength)

let cachedDayNumber = Number.NaN
let cachedDay = ''

/** The date in Asia/Shanghai as `YYYY-MM-DD`; the text is made once a day, so asking per row is cheap. */
export function todayInShanghai(now: Date): string {
  const dayNumber = Math.floor((now.getTime() + shanghaiOffsetMs) / dayMs)
  if (dayNumber !== cachedDayNumber) {
    cachedDay = dayInShanghai(now.getTime())
    cachedDayNumber = dayNumber
  }
  return cachedDay
}

/** The status of the first rule whose conditions all hold. */
function compileStatuses<Status extends string>(
  rules: readonly { status: Status; when: readonly Condition[] }[],
): (record: Record<string, unknown>, today: string) => Status | undefined {
  const compiled = rules.map(({ status, when }) => ({ status, holds: compileConditions(when) }))
  return (record, today) => compiled.find(({ holds }) => holds(record, today))?.status
}

/** What `verify` answers as `subjectStatus` (deceased, revoked, expired …): `current` when no rule holds. */
export function subjectStatusOf(
  standard: Pick<Standard, 'subjectStatus'>,
): (record: Record<string, unknown>, today: string) => string {
  const statusOf = compileStatuses(standard.subjectStatus)
  return (record, today) => statusOf(record, today) ?? 'current'
}

/** The record status that a row's own fields give where its mapping names none; undefined when no rule holds. */
export const recordStatusOf = (
  standard: Pick<Standard, 'recordStatus'>,
): ((record: Record<string, unknown>, today: string) => 'cancelled' | 'historical' | undefined) =>
  compileStatuses(standard.recordStatus)
