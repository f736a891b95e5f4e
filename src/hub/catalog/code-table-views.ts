import type { CodeTableEntry, CodeTableSummary } from '../../../schemas/api/standards.ts'
import { codeTables, divisionHistory, type CodeTable } from '../../../schemas/library.ts'

/** The slug of the division codes, which are kept with their history and so apart from the others. */
const divisionSlug = 'divisions'

type Described = CodeTableSummary & { note?: string }

function divisionTable(): Described {
  const { id, title, titleEn, source, status, format, entries } = divisionHistory()
  const head = { id, slug: divisionSlug, title, titleEn, source, status, note: format }
  return { ...head, open: false, entryCount: entries.length }
}

const describe = ({
  id,
  slug,
  title,
  titleEn,
  source,
  status,
  open,
  note,
  entries,
}: CodeTable): Described => ({
  id,
  slug,
  title,
  titleEn,
  source,
  status,
  open: open === true,
  entryCount: entries.length,
  ...(note !== undefined && { note }),
})

/** Every table once, in order of id; the divisions among them. */
export const allCodeTables = (): Described[] =>
  [...new Set(codeTables().values()).values().map(describe), divisionTable()].toSorted(
    (one, other) => (one.id < other.id ? -1 : 1),
  )

/** By id or slug. */
export function findTable(id: string): Described | undefined {
  const divisions = divisionTable()
  if (id === divisions.id || id === divisions.slug) return divisions
  const table = codeTables().get(id)
  return table && describe(table)
}

/** A table's codes in its own order; a division also with the months in which lists carried it. */
export function codeEntries(id: string): readonly CodeTableEntry[] {
  if (id === divisionHistory().id) return divisionEntries()
  return (codeTables().get(id)?.entries ?? []).map(({ code, name, nameEn, letter, aliases }) => ({
    code,
    name,
    ...(nameEn !== undefined && { nameEn }),
    ...(letter !== undefined && { letter }),
    ...(aliases !== undefined && { aliases: [...aliases] }),
  }))
}

let kept: readonly CodeTableEntry[] | undefined
const divisionEntries = (): readonly CodeTableEntry[] =>
  (kept ??= divisionHistory().entries.map(([code, name, from, to]) => ({ code, name, from, to })))
