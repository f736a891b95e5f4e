import type { Field } from '../../../schemas/field.ts'
import type { MappedRow } from '../types.ts'
import { columnsCheck } from './compile.ts'
import type { CompiledMapping } from './contract.ts'
import { recordReader } from './readers.ts'
import { fieldUpdatedAt, hasUpdatedAtField } from './row-facts.ts'

/**
 * No mapping given: rows come in the resource's own shape. JSON cells are taken as they are and must be
 * of the field's type; text cells (CSV) are read as the field's type: `true false 1 0`, exact numbers,
 * `YYYY-MM-DD`, RFC 3339, lists and objects as JSON texts. Unknown keys are `field-unknown`. A source may
 * leave fields out, so no column is ever missing.
 */
export const compileIdentity = (
  fields: readonly Field[],
  options: { cells: 'text' | 'json' },
): CompiledMapping => {
  const names = new Set(fields.map(({ name }) => name))
  const read = recordReader(fields, options.cells)
  const hasUpdatedAt = hasUpdatedAtField(fields)
  return {
    columns: names,
    ignored: new Set(),
    tables: [],
    joins: false,
    checkColumns: columnsCheck(new Set(), names),
    map: (row) => {
      const mapped: MappedRow = { values: {}, operation: 'upsert', faults: [] }
      mapped.values = read(row, mapped.faults) ?? {}
      if (hasUpdatedAt) fieldUpdatedAt(row, mapped)
      return mapped
    },
    unmapped: () => [],
  }
}
