import { stops, type TextStep } from './cells.ts'
import type { CodeTable, UnmappedValues } from './contract.ts'
import { halfWidth } from './text-steps.ts'

/** How codes and their names are compared: width folded, spaces out, letters in one case. */
export const foldName = (text: string): string => halfWidth(text).replace(/\s+/g, '').toUpperCase()

/** What to do with a value without translation; the default is `reject`. */
const otherwiseStep = (otherwise: string | undefined): TextStep => {
  if (otherwise === undefined || otherwise === 'reject') return () => stops.code
  if (otherwise === 'keep') return (text) => text
  return () => (otherwise === '' ? undefined : otherwise)
}

/** Ambiguous folded names (two codes) are left out: better unmapped than wrong. */
const foldedKeys = (pairs: Iterable<readonly [string, string]>): Map<string, string> => {
  const folded = new Map<string, string>()
  const ambiguous = new Set<string>()
  for (const [from, to] of pairs) {
    const key = foldName(from)
    const known = folded.get(key)
    if (known !== undefined && known !== to) ambiguous.add(key)
    else folded.set(key, to)
  }
  for (const key of ambiguous) folded.delete(key)
  return folded
}

interface Translation {
  pairs: Iterable<readonly [string, string]>
  otherwise: string | undefined
  field: string
  unmapped: UnmappedValues
}

/** Translates a value, first as it is and then folded; those without translation are counted. */
export const translateStep = ({ pairs, otherwise, field, unmapped }: Translation): TextStep => {
  const all = [...pairs]
  const exact = new Map(all)
  const folded = foldedKeys(all)
  const fallback = otherwiseStep(otherwise)
  return (text) => {
    const known = exact.get(text) ?? folded.get(foldName(text))
    if (known !== undefined) return known === '' ? undefined : known
    unmapped.note(field, text)
    return fallback(text)
  }
}

/** A code table's pairs by code, or by name and aliases. */
export const tablePairs = (table: CodeTable, by: 'name' | 'code'): [string, string][] =>
  table.entries.flatMap((entry): [string, string][] =>
    by === 'code'
      ? [[entry.code, entry.code]]
      : [entry.name, ...(entry.aliases ?? [])].map((name) => [name, entry.code]),
  )

/** A table as it may be called: by id, by slug or by title. */
export const findTable = (
  tables: ReadonlyMap<string, CodeTable>,
  name: string,
): CodeTable | undefined =>
  tables.get(name) ??
  [...tables.values()].find(({ id, slug, title }) => [id, slug, title].includes(name))
