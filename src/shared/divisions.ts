/**
 * Division codes (GB/T 2260, `standards` §3.8) through time. An identity number or a company code keeps
 * the division of the year it was issued in, so what counts there is whether a code *ever* was one; an
 * address is held against its own date.
 */
import { codeTables, divisionHistory, type DivisionRow } from '../../schemas/library.ts'

export type DivisionEver = 'current' | 'retired' | 'never-existed'

/** A division as published lists carried it. Months are `YYYY-MM`; no `to`: it still is one. */
export interface Division {
  code: string
  name: string
  from: string
  to?: string
}

interface History {
  byCode: ReadonlyMap<string, readonly DivisionRow[]>
  /** Codes of provinces and prefectures below which some division is documented: `11`, `1101`. */
  prefixes: ReadonlyMap<string, DivisionEver>
  provinceNames: ReadonlyMap<string, string>
  /** The months of all lists, in order. */
  months: readonly string[]
}

/** The national authorities register bodies under 100000, in company codes and registration numbers alike. */
const national = '100000'
/** Residence permits of people from Hong Kong, Macao and Taiwan (`standards` §3.1) begin so. */
const residencePermits = new Set(['810000', '820000', '830000'])
const namesBesides = new Map([
  [national, '国家级登记机关'],
  ['830000', '台湾居民居住证'],
])
/** Taiwan, Hong Kong, Macao: GB/T 2260 lists no divisions below them, other lists do. */
const unlistedBelow = new Set(['71', '81', '82'])

const monthsOf = ([, , first, last]: DivisionRow): string[] => [
  first.slice(0, 7),
  ...(last === null ? [] : [last]),
]

function readHistory(): History {
  const rows = divisionHistory().entries
  const byCode = Map.groupBy(rows, ([code]) => code)
  const prefixes = new Map<string, DivisionEver>()
  for (const [code, , , last] of rows) {
    for (const length of [2, 4]) {
      const prefix = code.slice(0, length)
      if (last === null) prefixes.set(prefix, 'current')
      else if (!prefixes.has(prefix)) prefixes.set(prefix, 'retired')
    }
  }
  const provinces = codeTables().get('GB/T 2260 provinces')?.entries ?? []
  for (const { code } of provinces) prefixes.set(code, 'current')
  const provinceNames = new Map(provinces.map(({ code, name }) => [code, name]))
  return { byCode, prefixes, provinceNames, months: [...new Set(rows.flatMap(monthsOf))].sort() }
}

let kept: History | undefined
const history = (): History => (kept ??= readHistory())

const isCounty = (six: string): boolean => !six.endsWith('00')

/**
 * Codes that lists of divisions leave out although numbers carry them: `01` below a
 * prefecture (市辖区, all its districts together), `71` to `79` (zones of the statistics bureau, which
 * come and go with its editions) and `91` to `98` (zones that registration authorities number
 * themselves, such as 320594 in company codes).
 */
const unlistedPart = (six: string): boolean => /(?:01|7[1-9]|9[1-8])$/.test(six)

/** The first six digits of a 6-, 9- or 12-digit code, or undefined for any other text. */
const sixOf = (code: string): string | undefined =>
  /^\d{6}(?:\d{3}){0,2}$/.test(code) ? code.slice(0, 6) : undefined

/**
 * Whether a code of 6 digits (or the first six of 9 or 12) is, was or never was a division.
 *
 * The lists begin with 1980, before the first identity numbers (1984) and company codes (2015) were
 * given out, and are yearly until 2014. So a code none of them carries is called `never-existed` only
 * when no rule speaks for it: provinces (`xx0000`), prefectures with anything documented below them
 * (`xxyy00`, also 省直辖 and 县 groupings), {@link unlistedPart}, everything below Taiwan, Hong Kong and Macao,
 * the national 100000 and the prefixes of residence permits are all known. Even so the answer is a
 * reason to flag a record, never to call the number wrong (`standards` §3.1): a code that lived between
 * two lists only, or is newer than the newest, is not documented.
 */
export function divisionEver(code: string): DivisionEver {
  const six = sixOf(code)
  if (six === undefined) return 'never-existed'
  const rows = history().byCode.get(six)
  if (six === national || residencePermits.has(six) || unlistedBelow.has(six.slice(0, 2))) {
    return 'current'
  }
  if (rows) return rows.some(([, , , last]) => last === null) ? 'current' : 'retired'
  return byPrefix(six)
}

function byPrefix(six: string): DivisionEver {
  const { prefixes } = history()
  if (six.endsWith('0000')) return prefixes.get(six.slice(0, 2)) ?? 'never-existed'
  if (isCounty(six) && !unlistedPart(six)) return 'never-existed'
  return prefixes.get(six.slice(0, 4)) ?? 'never-existed'
}

/** The list before `month`, exclusive start of a division first seen then; undefined for the first list. */
const listBefore = (month: string): string | undefined =>
  history().months.findLast((other) => other < month)

const listBehind = (month: string): string | undefined =>
  history().months.find((other) => other > month)

const certain = ([, , first, last]: DivisionRow, month: string): boolean =>
  first.slice(0, 7) <= month && (last === null || month <= last)

/** Lists are up to a year apart: a division may be older than its first list and outlive its last one. */
function possible([code, , first, last]: DivisionRow, month: string): boolean {
  const undocumentedStart = first.includes('..') && (!isCounty(code) || unlistedPart(code))
  const start = undocumentedStart ? undefined : listBefore(first.slice(0, 7))
  const end = last === null ? undefined : listBehind(last)
  return (start === undefined || start < month) && (end === undefined || month <= end)
}

const divisionOf = ([code, name, first, last]: DivisionRow): Division => ({
  code,
  name,
  from: first.slice(0, 7),
  ...(last === null ? {} : { to: last }),
})

/**
 * The division that a code stood for on a date (`YYYY-MM-DD` or `YYYY-MM`), by its first six digits;
 * undefined when the lists rule it out. In doubt (between two lists, or before 1980) the answer is the
 * division, since a flag must rest on knowledge.
 */
export function divisionAt(code: string, date: string): Division | undefined {
  const six = sixOf(code)
  if (six === undefined) return undefined
  const month = date.slice(0, 7)
  const rows = history().byCode.get(six)
  if (!rows) return divisionEver(six) === 'never-existed' ? undefined : unlisted(six)
  const undocumented = month < (history().months[0] ?? '')
  const row =
    rows.find((other) => certain(other, month)) ??
    rows.find((other) => undocumented || possible(other, month))
  if (!row && unlistedBelow.has(six.slice(0, 2))) return unlisted(six)
  return row && divisionOf(row)
}

/** A code that rules know and lists do not: under its prefecture's or province's name. */
function unlisted(six: string): Division {
  const above = [six, `${six.slice(0, 4)}00`, `${six.slice(0, 2)}0000`]
  const name = above.map(divisionName).find((found) => found !== undefined) ?? ''
  return { code: six, name, from: history().months[0] ?? '' }
}

/** The newest name a code had, by its first six digits; undefined when no list carries it. */
export function divisionName(code: string): string | undefined {
  const six = sixOf(code)
  if (six === undefined) return undefined
  const rows = history().byCode.get(six) ?? []
  const name = (rows.find(([, , , last]) => last === null) ?? rows.at(-1))?.[1]
  if (name !== undefined || !six.endsWith('0000')) return name
  return history().provinceNames.get(six.slice(0, 2)) ?? namesBesides.get(six)
}
