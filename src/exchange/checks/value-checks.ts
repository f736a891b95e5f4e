import type { Field } from '../../../schemas/field.ts'
import type { CodeTable } from '../../../schemas/library.ts'
import type { Fault } from '../types.ts'
import { faultOf, isObject, type Check } from './findings.ts'

/** A check of one value that is there: what is to be stored instead, or undefined if nothing is. */
export type CheckValue = (value: unknown, reading: ValueReading) => unknown

export interface ValueReading {
  /** The field's path, told in faults. */
  path: string
  findings: Fault[]
  today: string
  /** The record or child that the value is of. */
  values: Readonly<Record<string, unknown>>
}

/** Compiles the check of one field's single values; null where the field needs none. */
export type CompileValueCheck = (field: Field) => CheckValue | null

const isPresent = (value: unknown): boolean => value !== undefined

const mendList = (list: readonly unknown[], read: (value: unknown) => unknown): unknown => {
  const mended = list.map(read)
  if (mended.every((value, index) => value === list[index])) return list
  const kept = mended.filter(isPresent)
  return kept.length === 0 ? undefined : kept
}

const checkField = (field: Field, path: string, check: CheckValue): Check => {
  const { name } = field
  // One object for all rows, since a check asks and forgets: a new one a cell is what the row would cost.
  const reading: ValueReading = { path, findings: [], today: '', values: {} }
  return (values, findings, today) => {
    const value = values[name]
    if (value === undefined) return
    reading.findings = findings
    reading.today = today
    reading.values = values
    const mended = Array.isArray(value)
      ? mendList(value, (entry) => check(entry, reading))
      : check(value, reading)
    if (mended === value) return
    if (mended === undefined) delete values[name]
    else values[name] = mended
  }
}

const checkChildren = (name: string, checks: readonly Check[]): Check => {
  const runAll = (child: unknown, findings: Fault[], today: string): void => {
    if (isObject(child)) for (const check of checks) check(child, findings, today)
  }
  return (values, findings, today) => {
    const children = values[name]
    if (!Array.isArray(children)) return runAll(children, findings, today)
    for (const child of children) runAll(child, findings, today)
  }
}

/** The checks of all fields and, by path, of their children's: what `compile` gives for each of them. */
export const compileFieldChecks = (
  fields: readonly Field[],
  compile: CompileValueCheck,
  parent = '',
): Check[] =>
  fields.flatMap((field): Check[] => {
    const path = `${parent}${field.name}`
    if (field.fields) {
      const checks = compileFieldChecks(field.fields, compile, `${path}.`)
      return checks.length > 0 ? [checkChildren(field.name, checks)] : []
    }
    const check = compile(field)
    return check ? [checkField(field, path, check)] : []
  })

/**
 * A code is one of its table's. Tables that are open (local extensions are known to exist) fault
 * nothing, nor does a table that the hub does not hold.
 */
export const codeCheck =
  (tables: ReadonlyMap<string, CodeTable>): CompileValueCheck =>
  ({ codeTable }) => {
    const table = codeTable === undefined ? undefined : tables.get(codeTable)
    if (table === undefined || table.open === true) return null
    const codes = new Set(table.entries.map((entry) => entry.code))
    return (value, { path, findings }) => {
      if (codes.has(String(value))) return value
      findings.push(faultOf(path, 'code-unknown', value))
      return undefined
    }
  }
