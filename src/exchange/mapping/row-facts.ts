import type { Mapping, MappingStep, MappingTranslation } from '../../../schemas/api/mapping.ts'
import type { Field } from '../../../schemas/field.ts'
import type { MappedRow, SourceRow } from '../types.ts'
import { addFault, columnReader, describe, Stop, textOf } from './cells.ts'
import { foldName } from './code-steps.ts'
import type { Compilation } from './contract.ts'
import { compileSteps } from './pipeline.ts'

/** Sets what a mapping says about the row itself: its operation, key, time or status. */
export type RowWriter = (row: SourceRow, mapped: MappedRow) => void

/**
 * One text for a tuple, so that no two different tuples get the same: `|` and `\` inside a value are
 * escaped. A key of a single column stays as it is.
 */
export const composeKey = (values: readonly string[]): string =>
  values.length === 1
    ? (values[0] ?? '')
    : values.map((value) => value.replace(/[\\|]/g, '\\$&')).join('|')

/** A row that lacks a part of its key has no key, and the fault says so. */
export const keyWriter = (columns: readonly string[]): RowWriter => {
  const reads = columns.map(columnReader)
  return (row, mapped) => {
    const values: string[] = []
    for (const read of reads) {
      const text = textOf(read(row))
      if (typeof text !== 'string') {
        addFault(
          mapped.faults,
          null,
          'key-missing',
          reads.map((each) => each(row)),
        )
        return
      }
      values.push(text)
    }
    mapped.key = composeKey(values)
  }
}

interface Part {
  from: string
  steps?: MappingStep[]
}

/** Compiles `from` and `steps` of one part of the mapping as if it were a field of that type. */
const compilePart = (part: Part, as: { path: string; type: Field['type'] }, place: Place) => {
  const { compilation, pointer } = place
  compilation.columns.add(part.from)
  const read = columnReader(part.from)
  const source = { isMany: false, steps: part.steps ?? [] }
  const run = compileSteps(source, as.type, { compilation, pointer, path: as.path, siblings: [] })
  return { read, run }
}

interface Place {
  compilation: Compilation
  pointer: string
}

/** A text to one of a few words; undefined when empty, null when it is not known. */
const translation = <Value extends string>(
  part: MappingTranslation<Value>,
  path: string,
  place: Place,
): ((row: SourceRow) => { word: Value | null | undefined; cell: unknown }) => {
  const { read, run } = compilePart(part, { path, type: 'text' }, place)
  const words = new Map(
    Object.entries<Value>(part.values).map(([from, to]) => [foldName(from), to]),
  )
  const { otherwise } = part
  return (row) => {
    const cell = read(row)
    const text = run(cell)
    if (text === undefined) return { word: words.get('') ?? otherwise, cell }
    const word = typeof text === 'string' ? (words.get(foldName(text)) ?? otherwise) : null
    return { word: word ?? null, cell }
  }
}

/** An exchange table's row says what it is: without a known word it is faulty, never silently an upsert. */
const operationWriter = (mapping: Mapping, compilation: Compilation): RowWriter[] => {
  if (!mapping.operation) return []
  const read = translation(mapping.operation, 'operation', { compilation, pointer: '/operation' })
  return [
    (row, mapped) => {
      const { word, cell } = read(row)
      if (word) mapped.operation = word
      else addFault(mapped.faults, null, 'operation-unknown', cell)
    },
  ]
}

const statusWriter = (mapping: Mapping, compilation: Compilation): RowWriter[] => {
  if (!mapping.status) return []
  const read = translation(mapping.status, 'recordStatus', { compilation, pointer: '/status' })
  return [
    (row, mapped) => {
      const { word, cell } = read(row)
      if (word) mapped.status = word
      else if (word === null) {
        compilation.unmapped.note('recordStatus', describe(cell) ?? '')
        addFault(mapped.faults, 'recordStatus', 'code-unknown', cell)
      }
    },
  ]
}

/** The forms of a source's own timestamps when the mapping names none. */
const commonInstants = [
  'rfc3339',
  'YYYY-MM-DD HH:mm:ss',
  'YYYY-MM-DD HH:mm:ss.SSS',
  'YYYY/MM/DD HH:mm:ss',
  'YYYYMMDDHHmmss',
]

const updatedAtWriter = (mapping: Mapping, compilation: Compilation): RowWriter[] => {
  if (!mapping.updatedAt) return []
  const { from, steps = [{ datetime: { formats: commonInstants } }] } = mapping.updatedAt
  const as = { path: 'sourceUpdatedAt', type: 'datetime' } as const
  const { read, run } = compilePart({ from, steps }, as, { compilation, pointer: '/updatedAt' })
  return [
    (row, mapped) => {
      const cell = read(row)
      const at = run(cell)
      if (typeof at === 'string') mapped.sourceUpdatedAt = at
      else if (at instanceof Stop) addFault(mapped.faults, as.path, at.code ?? 'date-invalid', cell)
    },
  ]
}

/** A resource's own datetime field `sourceUpdatedAt` orders the rows where nothing else does. */
export const fieldUpdatedAt: RowWriter = (_row, mapped) => {
  const at = mapped.values['sourceUpdatedAt']
  if (typeof at === 'string') mapped.sourceUpdatedAt = at
}

export const hasUpdatedAtField = (fields: readonly Field[]): boolean =>
  fields.some(({ name, type }) => name === 'sourceUpdatedAt' && type === 'datetime')

/** All that the mapping says about the row itself, compiled. */
export const compileRowFacts = (mapping: Mapping, compilation: Compilation): RowWriter[] => {
  for (const column of mapping.key ?? []) compilation.columns.add(column)
  const fromField = !mapping.updatedAt && hasUpdatedAtField(compilation.target.fields)
  return [
    ...operationWriter(mapping, compilation),
    ...(mapping.key ? [keyWriter(mapping.key)] : []),
    ...updatedAtWriter(mapping, compilation),
    ...(fromField ? [fieldUpdatedAt] : []),
    ...statusWriter(mapping, compilation),
  ]
}
