import type { Field, Sensitivity } from '../../../schemas/field.ts'

/**
 * One single value of a record: a column, or a field of a child (`holders.name`). Grants, masks and
 * filters speak of these, so that a child list is never more than the sum of its granted fields.
 */
export interface Leaf {
  path: string
  /** The top-level field: the column of the record table. */
  column: Field
  /** The child's field, where the column is a child list or an object with fields. */
  child: Field | null
}

export const leafField = (leaf: Leaf): Field => leaf.child ?? leaf.column

const known = new WeakMap<readonly Field[], ReadonlyMap<string, Leaf>>()

/** Every leaf of a resource by its path, in the order of its fields; made once for each version. */
export function leavesOf(fields: readonly Field[]): ReadonlyMap<string, Leaf> {
  const kept = known.get(fields)
  if (kept) return kept
  const leaves = new Map<string, Leaf>()
  for (const column of fields) {
    if (!column.fields) leaves.set(column.name, { path: column.name, column, child: null })
    for (const child of column.fields ?? []) {
      const path = `${column.name}.${child.name}`
      leaves.set(path, { path, column, child })
    }
  }
  known.set(fields, leaves)
  return leaves
}

/** The paths that a name stands for: itself, or all fields of the child list; none when it is unknown. */
export function expandPath(fields: readonly Field[], path: string): string[] {
  const leaves = leavesOf(fields)
  if (leaves.has(path)) return [path]
  return [...leaves.keys()].filter((leaf) => leaf.startsWith(`${path}.`))
}

const isGuarded = (sensitivity: Sensitivity): boolean =>
  sensitivity === 'personal' || sensitivity === 'sensitive'

/** Whether a value is about a person or otherwise to be guarded; what its list says counts for a child. */
export const isPersonal = ({ column, child }: Leaf): boolean =>
  isGuarded(child?.sensitivity ?? column.sensitivity)
