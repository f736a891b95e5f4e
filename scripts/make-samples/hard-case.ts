import type { RowCode } from '../../schemas/api/row-codes.ts'

/** One awkward row of a sample, and what mapping and checks must say about it. */
export interface HardCase {
  /** The line in the sample; a CSV's header is line 1. */
  line: number
  about: string
  /** `code field` of everything said, in order; nothing for what only looks awkward. */
  says: readonly (RowCode | `${RowCode} ${string}`)[]
  /** Who refuses the row: a strict resource, every resource, or none. */
  refused: 'never' | 'strict' | 'always'
}

export type Cells = Record<string, unknown>

/** A sample: its rows, and which of them are hard. */
export interface Sample {
  rows: Cells[]
  hardCases: HardCase[]
}

/** A hard case as it is written: which cells differ from those of an ordinary row. */
export interface CaseDraft {
  about: string
  cells: Cells
  says?: HardCase['says']
  refused?: HardCase['refused']
}

/** Sets the drafts' cells on the last rows, one draft to a row, and tells on which lines they stand. */
export function withCases(
  ordinary: readonly Cells[],
  drafts: readonly CaseDraft[],
  firstLine: number,
): Sample {
  const start = ordinary.length - drafts.length
  const rows = ordinary.map((row, index) => ({ ...row, ...drafts[index - start]?.cells }))
  const hardCases = drafts.map(({ about, says = [], refused = 'never' }, index) => {
    return { line: firstLine + start + index, about, says, refused }
  })
  return { rows, hardCases }
}
