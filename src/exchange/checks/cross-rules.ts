import type { RowCode } from '../../../schemas/api/row-codes.ts'
import type { Field, Standard } from '../../../schemas/field.ts'
import {
  birthDateOfCitizenId,
  featuresOfPropertyUnit,
  identifierChecks,
  sexOfCitizenId,
} from '../../shared/identifiers/index.ts'
import { faultOf, type Check } from './findings.ts'
import { holderKind } from './holder-kind.ts'
import { isUnitRightAtOdds } from './unit-rights.ts'

/** Compiles one rule over the fields that a standard names, in the order given beside the rule. */
export type CompileRule = (fields: readonly string[]) => Check

const shanghaiOffsetMs = 28_800_000

/** The day of a date, or of an instant as it is told in Shanghai. */
const dayOf = (value: string): string =>
  value.length === 10
    ? value
    : new Date(Date.parse(value) + shanghaiOffsetMs).toISOString().slice(0, 10)

/** A rule over two texts, told at the first field; it is not asked where one of them has no value. */
const betweenTexts =
  (code: RowCode, isAtOdds: (one: string, other: string, today: string) => boolean): CompileRule =>
  ([first = '', second = '']) =>
  (values, findings, today) => {
    const one = values[first]
    const other = values[second]
    if (typeof one !== 'string' || typeof other !== 'string') return
    if (isAtOdds(one, other, today)) findings.push(faultOf(first, code, one))
  }

/** A number that is no sound citizen id says nothing about sex or birth; asked only when they differ. */
const isCitizenId = (id: string, today: string): boolean =>
  identifierChecks['citizen-id'](id, today).code === undefined

const isSexAtOdds = (sex: string, id: string, today: string): boolean =>
  (sex === '1' || sex === '2') && sex !== (sexOfCitizenId(id) ?? sex) && isCitizenId(id, today)

const isBirthAtOdds = (birthDate: string, id: string, today: string): boolean =>
  birthDate !== (birthDateOfCitizenId(id) ?? birthDate) && isCitizenId(id, today)

const isPeriodAtOdds = (from: string, to: string): boolean =>
  from.length === to.length ? from > to : dayOf(from) > dayOf(to)

const dateNotFuture: CompileRule = (fields) => (values, findings, today) => {
  for (const field of fields) {
    const value = values[field]
    // The day in Shanghai is the day in UTC or the one after it.
    if (typeof value !== 'string' || value < today || dayOf(value) <= today) continue
    findings.push(faultOf(field, 'date-future', value))
  }
}

/** The cross-field rules by the names that the standards call them by (`x-rules`), with their fields in order. */
export const crossRules: Readonly<Record<string, CompileRule>> = {
  /** [sex, citizen id]: the 17th digit is odd for men (GB 11643). */
  'sex-of-citizen-id': betweenTexts('cross-sex', isSexAtOdds),
  /** [birth date, citizen id]: digits 7 to 14 (GB 11643). */
  'birth-date-of-citizen-id': betweenTexts('cross-birth-date', isBirthAtOdds),
  /** [from, to]: two dates or instants. */
  period: betweenTexts('cross-period', isPeriodAtOdds),
  /** Each of the dates or instants lies today or before, in Asia/Shanghai. */
  'date-not-future': dateNotFuture,
  /** [kind of licence, child list of holders] (双公示, 2018). */
  'holder-kind': holderKind,
  /** [unit number, kind of right] (GB/T 37346). */
  'unit-right': betweenTexts('cross-unit-right', (unit, right) => {
    const features = featuresOfPropertyUnit(unit)
    return features !== undefined && isUnitRightAtOdds(features, right)
  }),
}

/**
 * The rules of a standard, for a resource that has all of their fields. A name that no rule bears is an
 * error of the standard's file, and is told when the resource is compiled.
 */
export const compileCrossRules = (fields: readonly Field[], standard: Standard): Check[] => {
  const names = new Set(fields.map((field) => field.name))
  return standard.rules
    .filter((rule) => rule.fields.every((name) => names.has(name)))
    .map((rule) => {
      const compile = crossRules[rule.rule]
      if (!compile) throw new Error(`Standard ${standard.id} names an unknown rule ${rule.rule}`)
      return compile(rule.fields)
    })
}
