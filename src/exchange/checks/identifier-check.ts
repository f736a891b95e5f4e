import type { Field } from '../../../schemas/field.ts'
import { divisionEver } from '../../shared/divisions.ts'
import { divisionWithin, identifierChecks } from '../../shared/identifiers/index.ts'
import { isMasked } from '../../shared/identifiers/result.ts'
import { codePointLength } from '../../shared/names.ts'
import { faultOf } from './findings.ts'
import { losesValue } from './judge.ts'
import type { CheckValue, CompileValueCheck, ValueReading } from './value-checks.ts'

/** Divisions asked for lately: a batch has few, and names the same ones in every row. */
const existed = new Map<string, boolean>()
const existedCountMax = 10_000

const hasExisted = (division: string): boolean => {
  const known = existed.get(division)
  if (known !== undefined) return known
  if (existed.size >= existedCountMax) existed.clear()
  const answer = divisionEver(division) !== 'never-existed'
  existed.set(division, answer)
  return answer
}

type When = NonNullable<Field['identifierWhen']>

/** Whether the sibling says that the value is this kind of identifier; `null` stands for no sibling value. */
const compileWhen = ({ field, in: kinds }: When): ((values: ValueReading['values']) => boolean) => {
  const known = new Set<unknown>(kinds)
  return (values) => {
    return known.has(values[field] ?? null)
  }
}

/**
 * The identifier in its stored form. A masked one is taken out for good; any other bad one stays as it
 * came, for the judge to decide; a placeholder that stands for no number is no value. Divisions within
 * are looked up among all that ever existed, since a number keeps the code of its year of issue.
 */
const check = (field: Field, kind: NonNullable<Field['identifier']>): CheckValue => {
  const checkIdentifier = identifierChecks[kind]
  const lengthMax = field.length ?? Number.POSITIVE_INFINITY
  // Rows stand by place in most sources, so that a division is often the one of the row before. What was
  // sound without a remark stays so: a later today allows more dates, not fewer.
  let lastSound: string | undefined
  return (value, { path, findings, today }) => {
    if (typeof value !== 'string' || value === lastSound) return value
    const checked = checkIdentifier(value, today)
    if (checked.code !== undefined) {
      findings.push(faultOf(path, checked.code, value))
      return losesValue(checked.code) ? undefined : value
    }
    if (checked.value === null) {
      if (field.required) findings.push(faultOf(path, 'required', value))
      return undefined
    }
    const division = divisionWithin(kind, checked.value)
    const isUnknown = division !== undefined && !hasExisted(division)
    const warning = checked.warning ?? (isUnknown ? 'division-unknown' : undefined)
    if (warning !== undefined) findings.push(faultOf(path, warning, value))
    else if (checked.value === value) lastSound = value
    // A number of the former form grows when it is completed: a field too narrow for it keeps what came.
    return codePointLength(checked.value) > lengthMax ? value : checked.value
  }
}

/** A number of another kind is not checked, but masked it is no number either. */
const dropMasked: CheckValue = (value, { path, findings }) => {
  if (typeof value !== 'string' || !isMasked(value)) return value
  findings.push(faultOf(path, 'identifier-masked', value))
  return undefined
}

/** Identifiers (`standards` §3), each checked only where its sibling says that it is one. */
export const identifierCheck: CompileValueCheck = (field) => {
  if (field.identifier === undefined) return null
  const checkValue = check(field, field.identifier)
  if (field.identifierWhen === undefined) return checkValue
  const applies = compileWhen(field.identifierWhen)
  return (value, reading) =>
    applies(reading.values) ? checkValue(value, reading) : dropMasked(value, reading)
}
