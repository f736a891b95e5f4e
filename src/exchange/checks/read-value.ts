import type { RowCode } from '../../../schemas/api/row-codes.ts'
import type { Field } from '../../../schemas/field.ts'
import { identifierChecks } from '../../shared/identifiers/index.ts'
import { codePointLength, hasPrivateUse, hasUnstorable, looksLossy } from '../../shared/names.ts'
import type { Fault } from '../types.ts'
import { faultOf, isBlank, isObject } from './findings.ts'
import { isDate, decimalPattern, readDecimal, readInstant } from './forms.ts'
import { rowLimits } from '../../shared/limits.ts'
import { readRecord } from './read-record.ts'
import { integerMax } from './shape-schema.ts'

/** Where a close reading reports to. `path` is the field's, `holders.idNumber` for a child's. */
export interface Reading {
  path: string
  findings: Fault[]
  today: string
  /** What the mapping found before: a value that it could not read is not reported as absent too. */
  mapped: readonly Fault[]
}

/** Reads one value that is not blank as its field's type: the value to store, or undefined if it is to be dropped. */
export type ReadValue = (value: unknown, reading: Reading) => unknown

const report = (reading: Reading, code: RowCode, value: unknown): undefined => {
  reading.findings.push(faultOf(reading.path, code, value))
}

/** The names and addresses of the standards: where a “?” stands, a character was lost. */
const namesAndPlaces = /name|address|location|legalRep$|holder$|issuer$/i

const remarkOn = (field: Field, text: string, reading: Reading): void => {
  if (field.codeTable !== undefined || field.identifier !== undefined) return
  if (hasPrivateUse(text)) report(reading, 'char-private-use', text)
  if (namesAndPlaces.test(field.name) && looksLossy(text)) report(reading, 'char-lossy', text)
}

/** An identifier may come with the spaces or dashes it is printed with, and fit without them. */
const withoutOrnament = (field: Field, text: string, today: string): string => {
  if (field.identifier === undefined) return text
  const checked = identifierChecks[field.identifier](text, today)
  return 'code' in checked ? text : (checked.value ?? text)
}

const readText =
  (field: Field): ReadValue =>
  (value, reading) => {
    if (typeof value !== 'string') return report(reading, 'type', value)
    if (hasUnstorable(value)) return report(reading, 'char-not-storable', value)
    const max = field.length ?? Number.POSITIVE_INFINITY
    const fits = codePointLength(value) <= max
    const text = fits ? value : withoutOrnament(field, value, reading.today)
    if (codePointLength(text) > max) return report(reading, 'length', value)
    remarkOn(field, text, reading)
    return text
  }

const readInteger = ({ length }: Field): ReadValue => {
  const max = integerMax(length)
  return (value, reading) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) return report(reading, 'type', value)
    return Math.abs(value) > max ? report(reading, 'precision', value) : value
  }
}

const readDigits = ({ length, precision }: Field): ReadValue => {
  const pattern = new RegExp(decimalPattern(length, precision))
  return (value, reading) => {
    const decimal = typeof value === 'string' ? readDecimal(value) : undefined
    if (decimal === undefined) return report(reading, 'type', value)
    return pattern.test(decimal) ? decimal : report(reading, 'precision', value)
  }
}

const readDate: ReadValue = (value, reading) => {
  if (typeof value !== 'string') return report(reading, 'type', value)
  return isDate(value) ? value : report(reading, 'date-invalid', value)
}

const readDatetime: ReadValue = (value, reading) => {
  if (typeof value !== 'string') return report(reading, 'type', value)
  return readInstant(value) ?? report(reading, 'date-invalid', value)
}

const readBoolean: ReadValue = (value, reading) =>
  typeof value === 'boolean' ? value : report(reading, 'type', value)

/** What keeps a free-form JSON value from being stored as jsonb, if anything does. */
const jsonFault = (value: unknown, depth: number): RowCode | null => {
  if (typeof value === 'string') return hasUnstorable(value) ? 'char-not-storable' : null
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'type'
  if (value === null || typeof value === 'boolean') return null
  if (typeof value !== 'object') return 'type'
  if (depth >= rowLimits.nestingDepthMax) return 'row-too-deep'
  for (const [name, part] of Object.entries(value)) {
    const code = hasUnstorable(name) ? 'char-not-storable' : jsonFault(part, depth + 1)
    if (code !== null) return code
  }
  return null
}

const readObject = ({ fields }: Field): ReadValue => {
  const read = fields && readRecord(fields)
  return (value, reading) => {
    if (!isObject(value)) return report(reading, 'type', value)
    if (read) return read(value, reading)
    const code = jsonFault(value, 0)
    return code === null ? value : report(reading, code, value)
  }
}

/** Bad entries are dropped one by one, so that one bad child does not cost its brothers. */
const readList = (field: Field): ReadValue => {
  const readEntry = field.fields ? readObject(field) : readText(field)
  return (value, reading) => {
    if (!Array.isArray(value)) return report(reading, 'type', value)
    if (value.length > rowLimits.childrenCountMax)
      return report(reading, 'children-too-many', value.length)
    const entries = value
      .filter((entry) => !isBlank(entry))
      .map((entry) => readEntry(entry, reading))
      .filter((entry) => entry !== undefined)
    return entries.length === 0 ? undefined : entries
  }
}

const readers: Readonly<Record<Field['type'], (field: Field) => ReadValue>> = {
  text: readText,
  integer: readInteger,
  decimal: readDigits,
  date: () => readDate,
  datetime: () => readDatetime,
  boolean: () => readBoolean,
  object: readObject,
  array: readList,
}

/** The close reading of one field's values, code by code: used where the compiled shape was in doubt. */
export const readValue = (field: Field): ReadValue => readers[field.type](field)
