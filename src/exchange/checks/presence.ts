import type { RowCode } from '../../../schemas/api/row-codes.ts'
import type { Field, Standard } from '../../../schemas/field.ts'
import { compileConditions, type ConditionTest } from '../../shared/conditions.ts'
import { faultOf, isBlank, isLost, isObject, isReported, type Check } from './findings.ts'

const only = (fields: readonly Field[], names: readonly string[]): string[] =>
  names.filter((name) => fields.some((field) => field.name === name))

/** Of each set one field must have a value. A value that came but could not be read is not an absent one. */
export const compileRequireAny = (fields: readonly Field[], standard: Standard): Check[] =>
  standard.requireAny
    .map((set) => only(fields, set))
    .filter((set) => set.length > 0)
    .map((set) => (values, findings) => {
      for (const name of set) {
        if (values[name] !== undefined || isLost(findings, name)) return
      }
      findings.push(faultOf(set[0] ?? null, 'required'))
    })

/** A missing unit number has a name of its own: the right is not placed on a unit (落宗). */
const flagOf = (field: Field): RowCode =>
  field.identifier === 'property-unit' ? 'unit-not-placed' : 'field-missing'

const isMissing = (values: unknown, name: string): boolean =>
  isObject(values) && isBlank(values[name])

/** Of a child list, once is enough: one child without the value flags the record. */
const isMissingBelow = (children: unknown, name: string): boolean =>
  Array.isArray(children) && children.some((child) => isMissing(child, name))

const compileMissing = (path: string): ((values: Record<string, unknown>) => boolean) => {
  const [name = '', child] = path.split('.')
  return child === undefined
    ? (values) => values[name] === undefined
    : (values) => isMissingBelow(values[name], child)
}

const fieldAt = (fields: readonly Field[], path: string): Field | undefined => {
  const [name, ...rest] = path.split('.')
  const field = fields.find((other) => other.name === name)
  return rest.length === 0 || !field ? field : fieldAt(field.fields ?? [], rest.join('.'))
}

const compileExpectedField = (path: string, flag: RowCode, when: ConditionTest): Check => {
  const isAbsent = compileMissing(path)
  return (values, findings, today) => {
    if (!isAbsent(values) || isReported(findings, path)) return
    if (when(values, today)) findings.push(faultOf(path, flag))
  }
}

/** Fields (`holders.code`: of each child) whose absence is worth a flag, each under its conditions. */
export const compileExpected = (fields: readonly Field[], standard: Standard): Check[] =>
  standard.expected.flatMap((expected) => {
    const when = compileConditions(expected.when ?? [])
    return expected.fields.flatMap((path) => {
      const field = fieldAt(fields, path)
      return field ? [compileExpectedField(path, flagOf(field), when)] : []
    })
  })
