import { Errors } from 'typebox/value'
import { MappingShape, type Mapping } from '../../../schemas/api/mapping.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { MappedRow, SourceRow } from '../types.ts'
import { compileChildren, type CompiledChildren } from './children.ts'
import {
  at,
  MappingFaults,
  UnmappedValues,
  type Compilation,
  type CompiledMapping,
  type MappingTarget,
} from './contract.ts'
import { compileFields, findField, type FieldWriter } from './fields.ts'
import { compileRowFacts, type RowWriter } from './row-facts.ts'
import { noteShapeFaults } from './steps.ts'

const refuse = (faults: MappingFaults): void => {
  if (faults.list.length === 0) return
  throw new Refusal('request-invalid', '映射有误,见各处说明 / The mapping has faults', {
    errors: faults.list,
  })
}

const childLists = (mapping: Mapping, compilation: Compilation): CompiledChildren[] =>
  Object.entries(mapping.children ?? {}).flatMap(([name, children]) => {
    const { fields } = compilation.target
    const pointer = at('/children', name)
    const place = { compilation, pointer }
    const field = findField(name, fields, { ...place, prefix: '', siblings: fields })
    if (field && Object.hasOwn(mapping.fields, name)) {
      const message = '此信息项已在 fields 中 / The field is mapped under fields already'
      compilation.faults.add(pointer, 'shape', message)
    }
    return compileChildren(children, field, place) ?? []
  })

/** Columns that the source lacks, and columns of the source that nobody named. */
export const columnsCheck = (
  needed: ReadonlySet<string>,
  known: ReadonlySet<string>,
): CompiledMapping['checkColumns'] => {
  return (sourceColumns) => {
    const seen = new Set(sourceColumns)
    return {
      missing: [...needed].filter((column) => !seen.has(column)),
      drift: [...seen].filter((column) => !needed.has(column) && !known.has(column)),
    }
  }
}

/** The one loop per row: every field's writer, then what the mapping says about the row itself. */
const rowFunction = (
  fields: readonly FieldWriter[],
  facts: readonly RowWriter[],
  joins: boolean,
): CompiledMapping['map'] => {
  return (row: SourceRow) => {
    const mapped: MappedRow = { values: {}, operation: 'upsert', faults: [] }
    if (joins) mapped.joins = true
    for (const write of fields) write(row, mapped.values, mapped.faults)
    for (const write of facts) write(row, mapped)
    return mapped
  }
}

/**
 * Compiles a mapping against the resource that it fills. Every fault of the mapping is collected and
 * thrown at once as `request-invalid`, each with a pointer into the mapping.
 */
export const compileMapping = (mapping: Mapping, target: MappingTarget): CompiledMapping => {
  const faults = new MappingFaults()
  noteShapeFaults(Errors(MappingShape, mapping), '', faults)
  refuse(faults)
  const unmapped = new UnmappedValues()
  const columns = new Set<string>()
  const compilation: Compilation = { target, faults, unmapped, columns }
  const place = { compilation, columns, pointer: '/fields', prefix: '' }
  const fields = compileFields(mapping.fields, target.fields, place)
  const lists = childLists(mapping, compilation)
  const facts = compileRowFacts(mapping, compilation)
  refuse(faults)
  const tables = lists.flatMap(({ table }) => table ?? [])
  const ignored = new Set(mapping.ignore)
  const joins = lists.some((list) => list.joins)
  return {
    columns,
    ignored,
    tables,
    joins,
    checkColumns: columnsCheck(
      columns,
      new Set([...ignored, ...tables.map(({ source }) => source)]),
    ),
    map: rowFunction([...fields, ...lists.map(({ write }) => write)], facts, joins),
    unmapped: () => unmapped.list(),
  }
}
