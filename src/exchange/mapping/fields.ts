import type { FieldSource } from '../../../schemas/api/mapping.ts'
import type { Field } from '../../../schemas/field.ts'
import type { Fault, SourceRow } from '../types.ts'
import { addFault, columnReader, isRecord, Stop } from './cells.ts'
import { findTable } from './code-steps.ts'
import { at, type Compilation } from './contract.ts'
import { compileSteps } from './pipeline.ts'
import { fieldReader } from './readers.ts'
import type { StepPlace } from './steps.ts'

/** Puts one field's value from a row into the values, or its fault into the faults. */
export type FieldWriter = (row: SourceRow, values: Record<string, unknown>, faults: Fault[]) => void

export interface FieldPlace {
  compilation: Compilation
  pointer: string
  /** `holders.` for the fields of a child. */
  prefix: string
  siblings: readonly Field[]
}

/** Where a stop goes: 长期 sets its flag beside the field, anything else is a fault. */
export const settleStop = (
  stop: Stop,
  path: string,
  cell: unknown,
  into: { values: Record<string, unknown>; faults: Fault[] },
): void => {
  if (stop.code !== null) addFault(into.faults, path, stop.code, cell)
  else if (stop.flag !== null) into.values[stop.flag] = true
}

/** Does this table lack the constant? Open tables and unknown tables cannot say. */
const lacksCode = (field: Field, value: unknown, { target }: Compilation): boolean => {
  const table =
    field.codeTable === undefined ? undefined : findTable(target.codeTables, field.codeTable)
  if (!table || table.open || typeof value !== 'string') return false
  return !table.entries.some(({ code }) => code === value)
}

const constantWriter = (field: Field, given: unknown, place: FieldPlace): FieldWriter => {
  const { compilation, pointer, prefix } = place
  const inner: Fault[] = []
  const value =
    given == null ? undefined : fieldReader(field, 'json', prefix + field.name)(given, inner)
  if (value === undefined || value instanceof Stop || inner.length > 0) {
    const message = `常量不是 ${field.type} 型 / The constant is not of type ${field.type}`
    compilation.faults.add(at(pointer, 'const'), 'type', message)
  } else if (lacksCode(field, value, compilation)) {
    const message = `码表 ${field.codeTable ?? ''} 中没有此常量 / The code table has no such constant`
    compilation.faults.add(at(pointer, 'const'), 'code-unknown', message)
  }
  const { name } = field
  // Child lists are arrays of objects that later stages may change, so each row gets its own.
  if (typeof value !== 'object')
    return (_row, values) => {
      values[name] = value
    }
  return (_row, values) => {
    values[name] = structuredClone(value)
  }
}

/** Reads several columns as a list; cells that are lists themselves are laid out flat. */
const manyReader = (columns: readonly string[]): ((row: SourceRow) => unknown) => {
  const reads = columns.map(columnReader)
  return (row) => reads.flatMap((read) => read(row))
}

/** A nested type without steps takes the cell as the standard's JSON shape. */
const shapedWriter = (
  field: Field,
  read: (row: SourceRow) => unknown,
  path: string,
): FieldWriter => {
  const reader = fieldReader(field, 'text', path)
  const { name } = field
  return (row, values, faults) => {
    const cell = read(row)
    if (cell == null || cell === '') return
    const value = reader(cell, faults)
    if (value instanceof Stop) settleStop(value, path, cell, { values, faults })
    else if (value !== undefined) values[name] = value
  }
}

const hasDefault = (steps: readonly unknown[]): boolean =>
  steps.some((step) => isRecord(step) && 'default' in step)

const columnWriter = (
  field: Field,
  source: { from: string | readonly string[]; steps: readonly unknown[] },
  place: FieldPlace,
): FieldWriter => {
  const { from, steps } = source
  const path = place.prefix + field.name
  const read = typeof from === 'string' ? columnReader(from) : manyReader(from)
  if (field.type === 'object' || (field.type === 'array' && field.fields)) {
    if (steps.length === 0 && typeof from === 'string') return shapedWriter(field, read, path)
  }
  const run = compileSteps(
    { isMany: typeof from !== 'string', steps },
    field.type,
    stepPlace(field, place),
  )
  const { name } = field
  const skipsEmpty = !hasDefault(steps)
  return (row, values, faults) => {
    const cell = read(row)
    if (skipsEmpty && (cell === '' || cell == null)) return
    const value = run(cell)
    if (value === undefined) return
    if (value instanceof Stop) settleStop(value, path, cell, { values, faults })
    else values[name] = value
  }
}

export const stepPlace = (field: Field, place: FieldPlace): StepPlace => ({
  compilation: place.compilation,
  pointer: place.pointer,
  path: place.prefix + field.name,
  siblings: place.siblings,
})

/** A source in its long form; which of `from` and `const` it has is still to be checked. */
export const longForm = (source: FieldSource): Exclude<FieldSource, string> =>
  typeof source === 'string' ? { from: source } : source

/** Whether exactly one of `from` and `const` is given; else that is noted. */
export const hasOneOrigin = (source: Exclude<FieldSource, string>, place: FieldPlace): boolean => {
  const isConstant = source.const !== undefined
  if (isConstant !== (source.from !== undefined) && !(isConstant && source.steps)) return true
  const message = 'from(可带 steps)与 const 须二选一 / Give either from (with steps) or const'
  place.compilation.faults.add(place.pointer, 'shape', message)
  return false
}

/** Compiles one field's source to a writer. Columns it reads are noted in `columns`. */
export const compileField = (
  field: Field,
  source: FieldSource,
  place: FieldPlace & { columns: Set<string> },
): FieldWriter | null => {
  const long = longForm(source)
  if (!hasOneOrigin(long, place)) return null
  const { from, steps = [] } = long
  if (from === undefined) return constantWriter(field, long.const, place)
  for (const column of [from].flat()) place.columns.add(column)
  return columnWriter(field, { from, steps }, place)
}

/** The field of a name, else the name is noted as unknown. */
export const findField = (
  name: string,
  fields: readonly Field[],
  place: FieldPlace,
): Field | null => {
  const field = fields.find((candidate) => candidate.name === name)
  if (field && name !== '__proto__') return field
  const message = `资源没有信息项 ${place.prefix}${name} / The resource has no such field`
  place.compilation.faults.add(place.pointer, 'field-unknown', message)
  return null
}

/** Compiles the sources of one record's or one child's fields, in the order they are written. */
export const compileFields = (
  sources: Readonly<Record<string, FieldSource>>,
  fields: readonly Field[],
  place: Omit<FieldPlace, 'siblings'> & { columns: Set<string> },
): FieldWriter[] =>
  Object.entries(sources).flatMap(([name, source]) => {
    const here = { ...place, pointer: at(place.pointer, name), siblings: fields }
    const field = findField(name, fields, here)
    return field ? (compileField(field, source, here) ?? []) : []
  })
