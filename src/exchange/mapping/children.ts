import type { FieldSource, MappingChildren } from '../../../schemas/api/mapping.ts'
import type { Field } from '../../../schemas/field.ts'
import type { Fault, SourceRow } from '../types.ts'
import { addFault, columnReader, isRecord, Stop, stops, textsOf } from './cells.ts'
import { at, type Compilation, type MappedTable } from './contract.ts'
import {
  compileFields,
  findField,
  hasOneOrigin,
  longForm,
  settleStop,
  stepPlace,
  type FieldPlace,
  type FieldWriter,
} from './fields.ts'
import { compileSteps, splitter, type CellFunction } from './pipeline.ts'

/** One child list of a mapping, compiled. */
export interface CompiledChildren {
  write: FieldWriter
  joins: boolean
  table?: MappedTable
}

interface ChildrenPlace {
  compilation: Compilation
  pointer: string
  field: Field & { fields: readonly Field[] }
}

type Child = Record<string, unknown>

const isEmpty = (child: Child): boolean => {
  for (const _name in child) return false
  return true
}

const runAll = (writers: readonly FieldWriter[], row: SourceRow, faults: Fault[]): Child => {
  const child: Child = {}
  for (const write of writers) write(row, child, faults)
  return child
}

/** Constants alone do not make a child: a row without a holder has none, whatever kind it would be. */
const compileChild = (
  sources: Readonly<Record<string, FieldSource>>,
  place: ChildrenPlace,
  part: { key: string; columns: Set<string> },
): ((row: SourceRow, faults: Fault[]) => Child | null) => {
  const entries = Object.entries(sources)
  const isConstant = (source: FieldSource) => longForm(source).const !== undefined
  const compile = (kept: [string, FieldSource][]) =>
    compileFields(Object.fromEntries(kept), place.field.fields, {
      compilation: place.compilation,
      pointer: at(place.pointer, part.key),
      prefix: `${place.field.name}.`,
      columns: part.columns,
    })
  const read = compile(entries.filter(([, source]) => !isConstant(source)))
  const constants = compile(entries.filter(([, source]) => isConstant(source)))
  return (row, faults) => {
    const child = runAll(read, row, faults)
    if (isEmpty(child)) return null
    for (const write of constants) write(row, child, faults)
    return child
  }
}

interface ZippedField {
  name: string
  path: string
  read: (row: SourceRow) => unknown
  run: CellFunction
}

const compileZipped = (
  sources: Readonly<Record<string, FieldSource>>,
  place: ChildrenPlace,
): ZippedField[] =>
  Object.entries(sources).flatMap(([name, source]) => {
    const { compilation, field: parent } = place
    const siblings = parent.fields
    const pointer = at(place.pointer, 'zip', name)
    const here: FieldPlace = { compilation, pointer, prefix: `${parent.name}.`, siblings }
    const field = findField(name, siblings, here)
    const long = longForm(source)
    if (!field || !hasOneOrigin(long, here)) return []
    if (typeof long.from !== 'string') {
      const message = '并列列表的每一项取自一列 / Each parallel list comes from one column'
      compilation.faults.add(pointer, 'shape', message)
      return []
    }
    compilation.columns.add(long.from)
    const run = compileSteps(
      { isMany: false, steps: long.steps ?? [] },
      field.type,
      stepPlace(field, here),
    )
    return [{ name, path: here.prefix + name, read: columnReader(long.from), run }]
  })

type Items = readonly unknown[] | undefined | Stop

/** The items of a parallel list, empty ones kept in their places; a list of blanks only is no list. */
const itemsOf = (cell: unknown, split: (text: string) => string[]): Items => {
  if (Array.isArray(cell)) return cell.length === 0 ? undefined : cell
  const texts = textsOf(cell)
  if (!Array.isArray(texts)) return texts
  const items = split(texts[0] ?? '').map((item) => item.trim())
  return items.some((item) => item !== '') ? items : undefined
}

const zipped = (
  fields: readonly ZippedField[],
  lists: readonly Items[],
  faults: Fault[],
): Child[] => {
  const length = lists.reduce<number>(
    (most, list) => Math.max(most, Array.isArray(list) ? list.length : 0),
    0,
  )
  const children: Child[] = []
  for (let index = 0; index < length; index += 1) {
    const child: Child = {}
    for (const [column, field] of fields.entries()) {
      const list = lists[column]
      const item: unknown = Array.isArray(list) ? list[index] : undefined
      const value = field.run(item)
      if (value instanceof Stop) settleStop(value, field.path, item, { values: child, faults })
      else if (value !== undefined) child[field.name] = value
    }
    if (!isEmpty(child)) children.push(child)
  }
  return children
}

/**
 * Parallel lists in one row. A column without any value says nothing about its field; two lists of unequal
 * length cannot be paired, and guessing would give one holder another's identity number.
 */
const compileZip = (
  sources: Readonly<Record<string, FieldSource>>,
  separator: string,
  place: ChildrenPlace,
): FieldWriter => {
  const fields = compileZipped(sources, place)
  const split = splitter(separator)
  const { name } = place.field
  return (row, values, faults) => {
    const lists = fields.map(({ read }) => itemsOf(read(row), split))
    const lengths = new Set(lists.flatMap((list) => (Array.isArray(list) ? [list.length] : [])))
    if (lists.some((list) => list instanceof Stop)) {
      addFault(
        faults,
        name,
        'type',
        fields.map(({ read }) => read(row)),
      )
    } else if (lengths.size > 1) {
      addFault(
        faults,
        name,
        'children-length',
        fields.map(({ read }) => read(row)),
      )
    } else {
      const children = zipped(fields, lists, faults)
      if (children.length > 0) values[name] = children
    }
  }
}

/** One child out of the row's own columns: the only one (`row`), or one of many to be joined (`rows`). */
const compileRow = (
  sources: Readonly<Record<string, FieldSource>>,
  place: ChildrenPlace,
  key: 'row' | 'rows',
): FieldWriter => {
  const { columns } = place.compilation
  const readChild = compileChild(sources, place, { key, columns })
  const { name } = place.field
  return (row, values, faults) => {
    const child = readChild(row, faults)
    if (child) values[name] = [child]
  }
}

const compileTable = (
  {
    source,
    on,
    fields,
  }: { source: string; on: Record<string, string>; fields: Record<string, FieldSource> },
  place: ChildrenPlace,
): CompiledChildren => {
  const columns = new Set(Object.keys(on))
  const readChild = compileChild(fields, place, { key: 'fields', columns })
  for (const column of Object.values(on)) place.compilation.columns.add(column)
  const read = columnReader(source)
  const { name } = place.field
  const write: FieldWriter = (row, values, faults) => {
    const cell = read(row)
    if (cell == null || cell === '') return
    const nested: unknown[] = Array.isArray(cell) ? cell : [cell]
    const children: Child[] = []
    for (const item of nested) {
      const child = isRecord(item) ? readChild(item, faults) : stops.type
      if (child instanceof Stop) return addFault(faults, name, 'type', cell)
      if (child) children.push(child)
    }
    if (children.length > 0) values[name] = children
  }
  return { write, joins: false, table: { source, on, columns } }
}

const shapeMessage =
  '子项须为 zip+split、row、rows、source+on+fields 之一 / Children are one of zip+split, row, rows, source+on+fields'

/** Compiles one child list; what is wrong with it is noted and gives null. */
export const compileChildren = (
  children: MappingChildren,
  field: Field | null,
  place: Omit<ChildrenPlace, 'field'>,
): CompiledChildren | null => {
  if (!field) return null
  const { faults } = place.compilation
  if (field.type !== 'array' || !field.fields) {
    faults.add(place.pointer, 'type', `${field.name} 不是子项列表 / The field is no child list`)
    return null
  }
  const here: ChildrenPlace = { ...place, field: { ...field, fields: field.fields } }
  const { zip, split, row, rows, source, on, fields } = children
  const given = Object.keys(children).sort().join('+')
  if (given === 'split+zip' && zip && split !== undefined) {
    return { write: compileZip(zip, split, here), joins: false }
  }
  if (given === 'row' && row) return { write: compileRow(row, here, 'row'), joins: false }
  if (given === 'rows' && rows) return { write: compileRow(rows, here, 'rows'), joins: true }
  if (given === 'fields+on+source' && source !== undefined && on && fields) {
    return compileTable({ source, on, fields }, here)
  }
  faults.add(place.pointer, 'shape', shapeMessage)
  return null
}
