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

/**
 * Reads an object by its fields: faults are noted under `path.name`, unknown keys (at most ten) as
 * `field-unknown`. An object without any value is no value.
 */
export const recordReader = (
  fields: readonly Field[],
  cells: 'text' | 'json',
  path = '',
): ((record: Record<string, unknown>, faults: Fault[]) => Record<string, unknown> | undefined) => {
  const prefix = path === '' ? '' : `${path}.`
  const readers = new Map(
    fields.map((field) => [field.name, fieldReader(field, cells, prefix + field.name)]),
  )
  return (record, faults) => {
    const values: Record<string, unknown> = {}
    let isEmpty = true
    let unknownCount = 0
    for (const name in record) {
      const cell = record[name]
      const read = readers.get(name)
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
}
