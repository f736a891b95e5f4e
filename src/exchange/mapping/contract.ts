import type { Field } from '../../../schemas/field.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import type { MappedRow, SourceRow } from '../types.ts'

/** What the compiler needs of a code table; `open` tables do not claim to list every code. */
export interface CodeTable {
  id: string
  slug?: string
  title?: string
  open?: boolean
  entries: readonly { code: string; name: string; aliases?: readonly string[] }[]
}

/** What a mapping fills: the resource's fields, and the code tables by their id, such as `GB/T 3304`. */
export interface MappingTarget {
  fields: readonly Field[]
  codeTables: ReadonlyMap<string, CodeTable>
  /** Every division code that ever existed (GB/T 2260), for `codeTable: "GB/T 2260"` by code. */
  divisions?: { has: (code: string) => boolean }
}

/** A second table of the source, for connectors that fetch its rows and nest them under `source`. */
export interface MappedTable {
  source: string
  /** Column of the second table → column of the row. */
  on: Readonly<Record<string, string>>
  columns: ReadonlySet<string>
}

export interface UnmappedValue {
  field: string
  value: string
  count: number
}

/** A mapping as a function of rows. It counts unmapped values, so one run uses one of its own. */
export interface CompiledMapping {
  /** Source columns that it reads. */
  columns: ReadonlySet<string>
  ignored: ReadonlySet<string>
  tables: readonly MappedTable[]
  /** True when several source rows of one key make one record. */
  joins: boolean
  /** `missing`: columns it needs and the source lacks (the run fails). `drift`: columns nobody named. */
  checkColumns: (sourceColumns: readonly string[]) => { missing: string[]; drift: string[] }
  /** Never throws, whatever the cells hold, and leaves its input as it was. */
  map: (row: SourceRow) => MappedRow
  /** Code values without translation, most frequent first; at most 1,000 distinct ones are counted. */
  unmapped: () => UnmappedValue[]
}

const distinctMax = 1000
const valueMax = 200

/** Counts code values that had no translation. */
export class UnmappedValues {
  readonly #counts = new Map<string, Map<string, number>>()
  #distinctCount = 0

  note(field: string, text: string): void {
    const value = text.length > valueMax ? text.slice(0, valueMax) : text
    const counts = this.#counts.get(field)
    const count = counts?.get(value)
    if (count === undefined && this.#distinctCount >= distinctMax) return
    if (count === undefined) this.#distinctCount += 1
    if (counts) counts.set(value, (count ?? 0) + 1)
    else this.#counts.set(field, new Map([[value, 1]]))
  }

  list(): UnmappedValue[] {
    const all = [...this.#counts].flatMap(([field, counts]) =>
      [...counts].map(([value, count]) => ({ field, value, count })),
    )
    return all.sort((a, b) => b.count - a.count)
  }
}

/** Faults of the mapping itself, collected so that its author sees all of them at once. */
export class MappingFaults {
  readonly list: RequestFault[] = []

  add(pointer: string, code: string, message: string): void {
    this.list.push({ pointer, code, message })
  }
}

/** One more token of an RFC 6901 pointer. */
export const at = (pointer: string, ...tokens: (string | number)[]): string =>
  tokens.reduce<string>(
    (path, token) => `${path}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    pointer,
  )

/** What compiling shares: the target, the faults found so far, the counter of unmapped values. */
export interface Compilation {
  target: MappingTarget
  faults: MappingFaults
  unmapped: UnmappedValues
  columns: Set<string>
}
