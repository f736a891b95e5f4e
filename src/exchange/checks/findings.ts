import type { RowCode } from '../../../schemas/api/row-codes.ts'
import type { Fault } from '../types.ts'
import { losesValue } from './judge.ts'
import { faultLimits } from '../../shared/limits.ts'

type Values = Record<string, unknown>

/** One check of a row (or of one child): reports into `findings`, may mend or remove values in place. */
export type Check = (values: Values, findings: Fault[], today: string) => void

/** Nothing there: absent, null, an empty text or an empty list. */
export const isBlank = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (Array.isArray(value) && value.length === 0)

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? `[${typeof value}]`
  } catch {
    // A bigint or a cycle: no JSON, so no decoder gives it, but a check must not fall over it.
    return `[${typeof value}]`
  }
}

/**
 * The value as it came, at most 200 code points, in a form that PostgreSQL can store: a quality entry
 * is stored even where the value is not.
 */
export const rawValue = (value: unknown): string => {
  // A code point is at most two units, so the rest need not be looked at.
  const text = textOf(value).slice(0, faultLimits.valueCodePointsMax * 2)
  const cut =
    text.length > faultLimits.valueCodePointsMax
      ? Array.from(text).slice(0, faultLimits.valueCodePointsMax).join('')
      : text
  return cut.toWellFormed().replaceAll('\u0000', '\uFFFD')
}

/** A fault with the value that caused it, if there was one. */
export const faultOf = (field: string | null, code: RowCode, value?: unknown): Fault =>
  value === undefined ? { field, code } : { field, code, value: rawValue(value) }

/** True when something was already found about this field, so that its absence is no news. */
export const isReported = (findings: readonly Fault[], field: string): boolean =>
  findings.some((fault) => fault.field === field)

/** True when the field came with a value, but with one that cannot be stored. */
export const isLost = (findings: readonly Fault[], field: string): boolean =>
  findings.some((fault) => fault.field === field && losesValue(fault.code))

/** True of an object that is no list: a record, or a child. */
export const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
