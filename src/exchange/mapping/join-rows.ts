import type { Fault, MappedRow } from '../types.ts'

/**
 * What a joined list already holds, so that joining n rows of one key compares each child once. Keyed by
 * the list itself: it lives exactly as long as the record being joined.
 */
const seenChildren = new WeakMap<readonly unknown[], Set<string>>()

const seenOf = (list: readonly unknown[]): Set<string> =>
  seenChildren.get(list) ?? new Set(list.map((child) => JSON.stringify(child)))

const isChildList = (value: unknown): value is unknown[] =>
  Array.isArray(value) && typeof value[0] === 'object'

const joinLists = (first: readonly unknown[], second: readonly unknown[]): unknown[] => {
  const joined = [...first]
  const seen = seenOf(first)
  for (const child of second) {
    const text = JSON.stringify(child)
    if (seen.has(text)) continue
    seen.add(text)
    joined.push(child)
  }
  seenChildren.delete(first)
  seenChildren.set(joined, seen)
  return joined
}

const faultsMax = 100

const joinFaults = (first: readonly Fault[], second: readonly Fault[]): Fault[] => {
  const isSame = (a: Fault, b: Fault) =>
    a.field === b.field && a.code === b.code && a.value === b.value
  const added = second.filter((fault) => !first.some((known) => isSame(known, fault)))
  return [...first, ...added].slice(0, faultsMax)
}

/**
 * Joins two rows of one key into one record: child lists are put together without duplicates, in the order
 * of their rows; of other values the newer row's count (the second's, where neither is newer), and the
 * older fills what it lacks. A deletion is of the whole record, so it is never joined: the second stands.
 */
export const joinRows = (first: MappedRow, second: MappedRow): MappedRow => {
  if (first.operation === 'delete' || second.operation === 'delete') return second
  const isSecondNewer = (second.sourceUpdatedAt ?? '') >= (first.sourceUpdatedAt ?? '')
  const [older, newer] = isSecondNewer ? [first, second] : [second, first]
  const values: Record<string, unknown> = { ...older.values, ...newer.values }
  for (const name of Object.keys(values)) {
    const [before, after] = [first.values[name], second.values[name]]
    if (isChildList(before) && isChildList(after)) values[name] = joinLists(before, after)
  }
  return {
    ...older,
    ...newer,
    values,
    joins: true,
    faults: joinFaults(first.faults, second.faults),
  }
}
