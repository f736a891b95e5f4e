import type { Field } from '../../../schemas/field.ts'
import { standards } from '../../shared/standards.ts'
import type { KeptDraft } from './resource-rows.ts'

/** Words of one search; more would only make it slow. */
const wordsMax = 8

/** Width and case folded, spaces dropped: 汉 族, ＨＡ and ha are how people type 汉族 and HA. */
const folded = (text: string): string =>
  text.normalize('NFKC').toLowerCase().replace(/\s+/gu, '').replaceAll('\u{0}', '').toWellFormed()

/** The words of a query, each of which must be found; the longest first, since it is the rarest mostly. */
export const searchWords = (query: string): string[] =>
  query
    .normalize('NFKC')
    .split(/\s+/u)
    .map((word) => folded(word))
    .filter((word) => word !== '')
    .slice(0, wordsMax)
    .toSorted((one, other) => other.length - one.length)

const wordsOf = (fields: readonly Field[]): string[] =>
  fields.flatMap(({ name, title, titleEn, fields: children }) => [
    name,
    title,
    titleEn ?? '',
    ...wordsOf(children ?? []),
  ])

/** One part a line, so that no word is found across two of them. */
const linesOf = (parts: readonly string[]): string =>
  [...new Set(parts.map((part) => folded(part)))].filter((part) => part !== '').join('\n')

/**
 * What a resource is found by. The standard's own fields are left out: thousands of resources share them,
 * and the search looks them up once (`standardsWith`).
 */
export function searchText(draft: KeptDraft, code: string, fields: readonly Field[]): string {
  const standard = draft.standard === undefined ? undefined : standards().get(draft.standard)
  const shared = new Set(wordsOf(standard?.fields ?? []))
  const own = wordsOf(fields).filter((word) => !shared.has(word))
  return linesOf([draft.title, draft.id, code, draft.abstract, ...own])
}

const standardTexts = new Map<string, string>()

/** The standards that have a field with this (folded) word in its name or title. */
export function standardsWith(word: string): string[] {
  for (const { id, fields } of standards().values()) {
    if (!standardTexts.has(id)) standardTexts.set(id, linesOf(wordsOf(fields)))
  }
  return [...standardTexts].filter(([, text]) => text.includes(word)).map(([id]) => id)
}
