import type { UnmappedValue } from '../../exchange/mapping/index.ts'

/** Values kept of one run: enough to complete a mapping, however long the load. */
const unmappedMax = 1000

const isUnmapped = (value: unknown): value is UnmappedValue =>
  typeof value === 'object' &&
  value !== null &&
  'field' in value &&
  'value' in value &&
  'count' in value

/** As they were kept with a run. */
export const readUnmapped = (kept: unknown): UnmappedValue[] =>
  Array.isArray(kept) ? kept.filter(isUnmapped) : []

/** What a run's earlier batches could not translate, and what this one could not. */
export function addUnmapped(known: unknown, added: readonly UnmappedValue[]): UnmappedValue[] {
  const sums = new Map<string, UnmappedValue>()
  for (const one of [...readUnmapped(known), ...added]) {
    const key = JSON.stringify([one.field, one.value])
    sums.set(key, { ...one, count: (sums.get(key)?.count ?? 0) + one.count })
  }
  return [...sums.values()].slice(0, unmappedMax)
}
