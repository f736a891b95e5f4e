import type { Field } from '../../../schemas/field.ts'
import { maskShapeOf } from '../../shared/mask-shapes.ts'
import { comparableName, foldWidth } from '../../shared/names.ts'
import { leafField, type Leaf, leavesOf } from '../records/field-paths.ts'
import { typedText } from '../records/field-values.ts'

export type Claims = Readonly<Record<string, string | number | boolean>>
export type ClaimResults = Record<string, 'match' | 'mismatch'>

/**
 * Compares claims with a record's values. Names are compared as people write them (`comparableName`),
 * everything else exactly. Claims about one child list must all be true of one and the same child: one
 * owner's name with another's number is no match.
 */
export function compareClaims(
  fields: readonly Field[],
  record: Readonly<Record<string, unknown>>,
  claims: Claims,
): ClaimResults {
  const leaves = leavesOf(fields)
  const results: ClaimResults = {}
  const ofChildren = new Map<string, [Leaf, string | number | boolean][]>()
  for (const [path, claim] of Object.entries(claims)) {
    const leaf = leaves.get(path)
    if (leaf?.child) {
      const list = ofChildren.get(leaf.column.name) ?? []
      ofChildren.set(leaf.column.name, [...list, [leaf, claim]])
    } else {
      const isTrue = leaf !== undefined && holds(leaf.column, record[leaf.column.name], claim)
      results[path] = isTrue ? 'match' : 'mismatch'
    }
  }
  for (const [name, claimed] of ofChildren) {
    Object.assign(results, compareChildren(record[name], claimed))
  }
  return results
}

/** The results for the child of which most claims are true. */
function compareChildren(
  list: unknown,
  claimed: readonly [Leaf, string | number | boolean][],
): ClaimResults {
  const children = (Array.isArray(list) ? list : [list]).filter(isRecord)
  const rated = (children.length > 0 ? children : [{}]).map((child) =>
    claimed.map(([leaf, claim]) => holds(leafField(leaf), child[leafField(leaf).name], claim)),
  )
  const countTrue = (truths: readonly boolean[]): number => truths.filter(Boolean).length
  const best = rated.reduce((one, other) => (countTrue(other) > countTrue(one) ? other : one))
  return Object.fromEntries(
    claimed.map(([{ path }], index) => [path, best[index] ? 'match' : 'mismatch']),
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function holds(field: Field, value: unknown, claim: string | number | boolean): boolean {
  if (value === null || value === undefined) return false
  if (Array.isArray(value)) return value.some((one) => holds(field, one, claim))
  const claimed = comparable(field, claim)
  return claimed !== null && claimed === comparable(field, value)
}

/** The form in which two values of a field are the same; null for what is no value of it. */
function comparable(field: Field, value: unknown): string | null {
  if (field.type === 'text' || field.type === 'array') {
    const text = typedText(value, field)
    if (text === null) return null
    if (maskShapeOf(field) === 'name') return comparableName(text)
    const folded = foldWidth(text).trim()
    return field.identifier === undefined ? folded : folded.toUpperCase()
  }
  const text = typedText(typeof value === 'string' ? value.trim() : value, field)
  if (text === null) return null
  if (field.type === 'integer') return String(BigInt(text))
  return field.type === 'decimal' ? plainDecimal(text) : text
}

/** Digits without zeros that say nothing: 80.50 and 080.5 are one number. */
function plainDecimal(text: string): string {
  const isNegative = text.startsWith('-')
  const [whole = '', fraction = ''] = text.replace('-', '').split('.')
  const digits = fraction.replace(/0+$/, '')
  const plain = `${whole.replace(/^0+(?=\d)/, '')}${digits === '' ? '' : `.${digits}`}`
  return isNegative && plain !== '0' ? `-${plain}` : plain
}
