import { hasUnstorable, codePointLength } from '../../shared/names.ts'
import { composeKey } from '../mapping/row-facts.ts'
import type { Fault } from '../types.ts'
import { faultOf, isLost } from './findings.ts'
import { losesValue } from './judge.ts'
import { rowLimits } from '../../shared/limits.ts'

type Values = Record<string, unknown>
type Keys = readonly (readonly string[])[]

/** Blanks name nothing: all rows without a key would else be one record. */
const isBlank = (text: string): boolean => text.trim() === ''

const partOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return isBlank(value) ? undefined : value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

const readKey = (values: Values, names: readonly string[]): string | undefined => {
  const [only, ...others] = names
  if (only !== undefined && others.length === 0) return partOf(values[only])
  const parts = names.map((name) => partOf(values[name]))
  return parts.length > 0 && parts.every((part) => part !== undefined)
    ? composeKey(parts)
    : undefined
}

const none: readonly Fault[] = []

/** What became of the merge key: its text, or the faults for which it cannot be read. */
export interface KeyReading {
  key: string | null
  faults: readonly Fault[]
}

const measured = (key: string): KeyReading => {
  if (isBlank(key)) return { key: null, faults: [faultOf(null, 'key-missing')] }
  if (hasUnstorable(key)) return { key: null, faults: [faultOf(null, 'char-not-storable', key)] }
  return key.length > rowLimits.keyCodePointsMax &&
    codePointLength(key) > rowLimits.keyCodePointsMax
    ? { key: null, faults: [faultOf(null, 'key-too-long', key)] }
    : { key, faults: none }
}

/** The faults that spoil this key: none while a field of it simply has no value. */
const spoilingFaults = (
  values: Values,
  names: readonly string[],
  findings: readonly Fault[],
): Fault[] =>
  names.every((name) => values[name] !== undefined || isLost(findings, name))
    ? findings.filter(({ field, code }) => names.includes(field ?? '') && losesValue(code))
    : []

/**
 * The first key whose fields all have values. A key of which a field came with a value that cannot be
 * read is not passed over for a later one: the row would then land as another record.
 */
const firstKey = (values: Values, keys: Keys, findings: readonly Fault[]): KeyReading => {
  // The mapping composes the key and found none: the resource's own keys would name another record.
  const missing = findings.find(({ code }) => code === 'key-missing')
  if (missing) return { key: null, faults: [missing] }
  for (const names of keys) {
    const key = readKey(values, names)
    if (key !== undefined) return measured(key)
    const faults = findings.length > 0 ? spoilingFaults(values, names, findings) : []
    if (faults.length > 0) return { key: null, faults }
  }
  return { key: null, faults: [faultOf(null, 'key-missing')] }
}

/** The row's merge key: as the mapping composed it, else by the resource's keys in order of preference. */
export const readMergeKey = (
  row: { key?: string; values: Values },
  keys: Keys,
  findings: readonly Fault[],
): KeyReading => (row.key ? measured(row.key) : firstKey(row.values, keys, findings))
