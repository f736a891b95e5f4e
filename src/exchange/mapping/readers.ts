import type { Field } from '../../../schemas/field.ts'
import type { Fault } from '../types.ts'
import { addFault, isRecord, Stop, stops, textOf } from './cells.ts'
import { isoDate, isoInstant } from './date-steps.ts'
import { exactDecimal } from './decimal.ts'
import { finishOf } from './finish.ts'

/** Reads a cell that already has the standard's shape. Faults inside children go to `faults`. */
export type CellReader = (cell: unknown, faults: Fault[]) => unknown

const ofText =
  (read: (text: string) => unknown): CellReader =>
  (cell) =>
    typeof cell === 'string' ? (cell === '' ? undefined : read(cell)) : stops.type

/** How JSON cells are read: as they are, so a number never becomes a text nor a text a number. */
const jsonReaders: Record<Exclude<Field['type'], 'object' | 'array'>, CellReader> = {
  text: ofText((text) => text),
  integer: (cell) => {
    if (typeof cell !== 'number' || !Number.isInteger(cell))
      return cell === '' ? undefined : stops.type
    return Number.isSafeInteger(cell) ? (cell === 0 ? 0 : cell) : stops.precision
  },
  decimal: (cell) => {
    if (cell === '') return undefined
    if (typeof cell !== 'string' && typeof cell !== 'number') return stops.type
    const text = textOf(cell)
    return typeof text === 'string' ? (exactDecimal(text) ?? stops.type) : stops.precision
  },
  date: ofText(isoDate),
  datetime: ofText(isoInstant),
  boolean: (cell) => (typeof cell === 'boolean' ? cell : cell === '' ? undefined : stops.type),
}

const textReader = (type: Exclude<Field['type'], 'object' | 'array'>): CellReader => {
  const finish = finishOf('text', type)
  return (cell) => {
    const text = textOf(cell)
    return typeof text === 'string' && finish ? finish(text) : text
  }
}

const textItems: CellReader = (cell) => {
  if (!Array.isArray(cell)) return stops.type
  const items: unknown[] = cell.filter((item) => item != null && item !== '')
  if (!items.every((item) => typeof item === 'string')) return stops.type
  return items.length === 0 ? undefined : items
}

const children = (fields: readonly Field[], path: string): CellReader => {
  const readRecord = recordReader(fields, 'json', path)
  return (cell, faults) => {
    if (!Array.isArray(cell)) return stops.type
    const list: unknown[] = []
    for (const item of cell) {
      if (!isRecord(item)) return stops.type
      const child = readRecord(item, faults)
      if (child !== undefined) list.push(child)
    }
    return list.length === 0 ? undefined : list
  }
}

const nestedReader = (field: Field, path: string): CellReader => {
  if (field.type === 'array') return field.fields ? children(field.fields, path) : textItems
  if (!field.fields) return (cell) => (isRecord(cell) ? cell : stops.type)
  const readRecord = recordReader(field.fields, 'json', path)
  return (cell, faults) => (isRecord(cell) ? readRecord(cell, faults) : stops.type)
}

/** In a CSV, a list or an object is a JSON text; within it JSON's own types hold. */
const fromJsonText = (read: CellReader): CellReader => {
  return (cell, faults) => {
    if (typeof cell !== 'string') return read(cell, faults)
    try {
      const parsed: unknown = JSON.parse(cell)
      return parsed === null ? undefined : read(parsed, faults)
    } catch {
      return stops.type
    }
  }
}

/** The reader of one field, for cells that are texts (CSV) or JSON values. */
export const fieldReader = (field: Field, cells: 'text' | 'json', path: string): CellReader => {
  if (field.type === 'array' || field.type === 'object') {
    const read = nestedReader(field, path)
    return cells === 'text' ? fromJsonText(read) : read
  }
  return cells === 'text' ? textReader(field.type) : jsonReaders[field.type]
}

const unknownMax = 10

type Readers = ReadonlyMap<string, { type: Field['type']; read: CellReader }>
type Values = Record<string, unknown>
type SureReader = (record: Values) => Values | null

/**
 * Reads a record of which nothing is to be said, null for any other: where a cell stops,
 * keys are unknown, or nothing has a value. It is generated, since a look-up and a call for every cell is what
 * reading would spend its time on. Only field names, quoted by JSON.stringify, become source text.
 */
function compileSureReader(readers: Readers): SureReader {
  const statements = [...readers].map(([name, { type }], place) => {
    const key = JSON.stringify(name)
    const take =
      type === 'text'
        ? `if (typeof cell !== 'string') return null; if (cell !== '') { values[${key}] = cell; hasValue = true }`
        : `value = readers[${place}](cell, faults)
           if (value instanceof Stop || faults.length > 0) { faults.length = 0; return null }
           if (value !== undefined) { values[${key}] = value; hasValue = true }`
    return `cell = record[${key}]; if (cell !== undefined) { known += 1; if (cell !== null) { ${take} } }`
  })
  const source = `const faults = []; return (record) => {
    const values = {}; let cell, value, known = 0, given = 0, hasValue = false
    ${statements.join('\n')}
    for (const name in record) given += 1
    return hasValue && given === known ? values : null }`
  const reads = [...readers.values()].map(({ read }) => read)
  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion
  return new Function('readers', 'Stop', source)(reads, Stop) as SureReader
}

/** The close reading: keys in the order in which they were written, every fault told. */
const closeReader =
  (readers: Readers, prefix: string) =>
  (record: Values, faults: Fault[]): Values | undefined => {
    const values: Values = {}
    let isEmpty = true
    let unknownCount = 0
    for (const name in record) {
      const cell = record[name]
      const read = readers.get(name)?.read
      if (read === undefined) {
        if (!Object.hasOwn(record, name)) continue
        unknownCount += 1
        if (unknownCount <= unknownMax)
          addFault(faults, prefix + name.slice(0, 100), 'field-unknown', cell)
        continue
      }
      if (cell == null) continue
      const value = read(cell, faults)
      if (value === undefined) continue
      if (value instanceof Stop) addFault(faults, prefix + name, value.code ?? 'type', cell)
      else {
        values[name] = value
        isEmpty = false
      }
    }
    return isEmpty ? undefined : values
  }

/**
 * Reads an object by its fields: faults are noted under `path.name`, unknown keys (at most ten) as
 * `field-unknown`. An object without any value is no value.
 */
export const recordReader = (
  fields: readonly Field[],
  cells: 'text' | 'json',
  path = '',
): ((record: Values, faults: Fault[]) => Values | undefined) => {
  const prefix = path === '' ? '' : `${path}.`
  const readers: Readers = new Map(
    fields.map((field) => [
      field.name,
      { type: field.type, read: fieldReader(field, cells, prefix + field.name) },
    ]),
  )
  const readSurely = compileSureReader(readers)
  const readClosely = closeReader(readers, prefix)
  return (record, faults) => readSurely(record) ?? readClosely(record, faults)
}
