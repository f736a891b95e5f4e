import { openCells } from '../../exchange/decode/csv-cells.ts'
import { decodeLimits } from '../../exchange/decode/limits.ts'
import { faultRow, rawText } from '../../exchange/decode/raw-text.ts'
import type { DecodedRow, SourceRow } from '../../exchange/types.ts'
import type { Position, SourceBlock } from '../contract.ts'
import type { CellBlock, Cells } from './dialect.ts'

type Finish = ((text: string) => string) | undefined

/** Rows of cells as objects; cells behind the columns (a position's) are left out. */
export type RowMaker = (rows: Cells[]) => SourceRow[]

/** The CSV decoder's row maker writes cells into objects unseen: null is as good to it as a text. */
interface Maker {
  toRows(cells: Cells[]): SourceRow[]
}

export function rowMaker(columns: readonly string[], finishes: readonly Finish[]): RowMaker {
  const { toRows }: Maker = openCells([...columns], ',')
  const finished = finishes.flatMap((finish, at) => (finish ? [{ finish, at }] : []))
  if (finished.length === 0) return toRows
  return (rows) => toRows(rows.map((cells) => finishedCells(cells, finished)))
}

function finishedCells(
  cells: Cells,
  finished: readonly { finish: (text: string) => string; at: number }[],
): Cells {
  const copy = cells.slice()
  for (const { finish, at } of finished) {
    const cell = copy[at]
    if (cell != null) copy[at] = finish(cell)
  }
  return copy
}

export interface BlockPlan {
  rowOf: RowMaker
  /** Number of the block's first row, from 1. */
  line: number
  /** Where to go on behind these cells; null: not ahead of where the read began. */
  positionOf(cells: Cells): Position | null
}

/** Rows are as long as a pushed row may be; a block that is shorter as a whole holds none that is longer. */
function decodedRows(block: CellBlock, { rowOf, line }: BlockPlan): DecodedRow[] {
  const rows = rowOf(block.rows)
  const isShort = block.byteCount <= decodeLimits.rowBytesMax
  return rows.map((row, at) => {
    const cells = block.rows[at] ?? []
    const isGood = isShort || byteCountOf(cells) <= decodeLimits.rowBytesMax
    return isGood ? { line: line + at, row } : tooLarge(cells, line + at)
  })
}

const byteCountOf = (cells: Cells): number =>
  cells.reduce((sum, cell) => sum + 1 + (cell === null ? 0 : Buffer.byteLength(cell)), 0)

const tooLarge = (cells: Cells, line: number): DecodedRow =>
  faultRow(line, 'row-too-large', rawText(Buffer.from(cells.join('\t')), 'utf-8'))

export function tableBlock(block: CellBlock, plan: BlockPlan): SourceBlock {
  return {
    rows: decodedRows(block, plan),
    byteCount: block.byteCount,
    positionAfter(count) {
      const cells = block.rows[Math.min(count, block.rows.length) - 1]
      return cells ? plan.positionOf(cells) : null
    },
    unit: null,
    isUnitEnd: false,
  }
}
