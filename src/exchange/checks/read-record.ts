import type { Field } from '../../../schemas/field.ts'
import { faultOf, isBlank, isLost, rawValue } from './findings.ts'
import { readValue, type Reading } from './read-value.ts'

type ReadRecord = (values: Record<string, unknown>, reading: Reading) => Record<string, unknown>

const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

const dropUnknown = (
  values: Record<string, unknown>,
  known: ReadonlySet<string>,
  { path, findings }: Reading,
): void => {
  for (const name of Object.keys(values)) {
    if (known.has(name)) continue
    if (!isBlank(values[name])) {
      findings.push(faultOf(below(path, rawValue(name)), 'field-unknown', values[name]))
    }
    delete values[name]
  }
}

/**
 * The close reading of a record or child: every fault of its shape in the order of its fields. Values
 * that no column can hold are taken out of `values`, whatever is decided about the row afterwards.
 */
export const readRecord = (fields: readonly Field[]): ReadRecord => {
  const names = new Set(fields.map(({ name }) => name))
  const readers = fields.map((field) => ({ ...field, read: readValue(field) }))
  return (values, reading) => {
    const { path: parent, findings, today, mapped } = reading
    dropUnknown(values, names, reading)
    for (const { name, required, read } of readers) {
      const given = Object.hasOwn(values, name) ? values[name] : undefined
      if (given === undefined && !required) continue
      const path = below(parent, name)
      const isAbsent = isBlank(given)
      const stored = isAbsent ? undefined : read(given, { path, findings, today, mapped })
      if (stored === undefined) delete values[name]
      else if (stored !== given) values[name] = stored
      if (required && isAbsent && !isLost(mapped, path)) findings.push(faultOf(path, 'required'))
    }
    return values
  }
}
