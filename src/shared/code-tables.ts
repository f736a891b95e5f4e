/** Looking up codes (`standards` §3.9): by code or by name, as sources write them. */
import { codeTables, type CodeEntry, type CodeTable } from '../../schemas/library.ts'

interface Index {
  codes: ReadonlySet<string>
  byCode: ReadonlyMap<string, string>
  byName: ReadonlyMap<string, string>
}

/** Width and case folded and spaces dropped: `汉 族`, `ＨＡ` and `ha` are how people type 汉族 and HA. */
const folded = (text: string): string => text.normalize('NFKC').replace(/\s+/gu, '').toUpperCase()

const namesOf = (entry: CodeEntry): string[] => [
  entry.name,
  ...(entry.nameEn === undefined ? [] : [entry.nameEn]),
  ...(entry.aliases ?? []),
]

/** Later pairs never displace earlier ones, so that an alias cannot hide another entry's own name. */
function firstWins(pairs: Iterable<readonly [string, string]>): Map<string, string> {
  const map = new Map<string, string>()
  for (const [text, code] of pairs) if (!map.has(folded(text))) map.set(folded(text), code)
  return map
}

function indexOf({ entries }: CodeTable): Index {
  const letters = entries.filter((entry) => entry.letter !== undefined)
  return {
    codes: new Set(entries.map(({ code }) => code)),
    byCode: firstWins([
      ...entries.map(({ code }) => [code, code] as const),
      ...letters.map(({ letter, code }) => [letter ?? code, code] as const),
    ]),
    byName: firstWins([
      ...entries.map(({ name, code }) => [name, code] as const),
      ...entries.flatMap((entry) => namesOf(entry).map((name) => [name, entry.code] as const)),
    ]),
  }
}

const indexes = new WeakMap<CodeTable, Index>()

function indexed(table: CodeTable): Index {
  const known = indexes.get(table)
  if (known) return known
  const index = indexOf(table)
  indexes.set(table, index)
  return index
}

/** The table of this id or slug, if it is shipped. */
export const findCodeTable = (id: string): CodeTable | undefined => codeTables().get(id)

/** The table of this id or slug; throws a RangeError when there is none, which is a fault of the configuration. */
export function codeTable(id: string): CodeTable {
  const table = findCodeTable(id)
  if (!table) throw new RangeError(`No code table ${id}`)
  return table
}

const given = (table: CodeTable | string): CodeTable =>
  typeof table === 'string' ? codeTable(table) : table

/**
 * The table's code for a source's text, or undefined. By `code` also takes the letter code, by `name`
 * also the aliases; width, case and spaces do not count. Throws a RangeError for an unknown table.
 */
export const codeOf = (
  table: CodeTable | string,
  text: string,
  by: 'code' | 'name',
): string | undefined => {
  const index = indexed(given(table))
  return (by === 'code' ? index.byCode : index.byName).get(folded(text))
}

/** Whether the table lists exactly this code. Throws a RangeError for an unknown table. */
export const hasCode = (table: CodeTable | string, code: string): boolean =>
  indexed(given(table)).codes.has(code)

/** Whether a value passes: the table lists it, or is known not to be complete. */
export const acceptsCode = (table: CodeTable | string, code: string): boolean =>
  given(table).open === true || hasCode(table, code)

/** The name of a code in this table, or undefined. */
export const nameOfCode = (table: CodeTable | string, code: string): string | undefined =>
  given(table).entries.find((entry) => entry.code === code)?.name

/**
 * The nearest code of the same thing in another table (identity documents have five sets, §3.9), or
 * undefined. A crosswalk is written at the one table that all others meet in; both directions work,
 * and where several codes share one the first listed is taken.
 */
export function crossCode(from: string, code: string, to: string): string | undefined {
  const [source, target] = [codeTable(from), codeTable(to)]
  const direct = source.entries.find((entry) => entry.code === code)?.same?.[target.id]
  if (direct !== undefined) return direct
  const back = target.entries.find((entry) => entry.same?.[source.id] === code)
  return back?.code ?? throughHub(source, code, target)
}

/** Two tables that name no crosswalk of their own meet in a third one whose entries name both. */
function throughHub(source: CodeTable, code: string, target: CodeTable): string | undefined {
  for (const { entries } of new Set(codeTables().values())) {
    const meeting = entries.find(
      ({ same }) => same?.[source.id] === code && same[target.id] !== undefined,
    )
    if (meeting) return meeting.same?.[target.id]
  }
  return undefined
}
