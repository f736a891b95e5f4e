import { standards } from '../../shared/standards.ts'
import { lookupsOf, type RecordTable } from '../records/record-table.ts'
import type { Field } from '../../../schemas/field.ts'
import type { KeptDraft, Shape } from './resource-rows.ts'

/** The record table of one version of a resource. */
export function recordTable(
  number: number,
  { draft, fields, keys }: Shape & { draft: Pick<KeptDraft, 'standard'> },
): RecordTable {
  const standard = draft.standard === undefined ? undefined : standards().get(draft.standard)
  return {
    number,
    fields,
    history: standard?.history ?? false,
    versionField: standard?.versionField ?? null,
    overlap: standard?.overlap ?? null,
    identityFields: identityFields(fields, standard?.keys ?? keys),
  }
}

/** Look-ups that alone make a merge key: parts of a composed key are shared by right (rights on one unit). */
function identityFields(
  fields: readonly Field[],
  keys: readonly (readonly string[])[],
): readonly string[] {
  const alone = new Set(keys.filter((key) => key.length === 1).flat())
  return fields
    .filter(({ name, type, lookup }) => lookup === true && type !== 'array' && alone.has(name))
    .map(({ name }) => name)
}

const indexedColumns = (fields: readonly Field[]): Set<string> =>
  new Set(lookupsOf(fields).map(({ column }) => column))

/** What a revision adds to a table: columns, and columns that are found by from now on. */
export function addedTo(before: readonly Field[], after: readonly Field[]) {
  const known = new Set(before.map(({ name }) => name))
  const [former, wanted] = [indexedColumns(before), indexedColumns(after)]
  return {
    columns: after.filter(({ name }) => !known.has(name)),
    needsIndexes: [...wanted].some((column) => !former.has(column)),
  }
}
