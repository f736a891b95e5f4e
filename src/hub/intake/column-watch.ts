import type { CompiledMapping } from '../../exchange/mapping/contract.ts'
import type { RowMediaType } from '../../exchange/decode/decode-rows.ts'
import type { DecodedBlock } from '../../exchange/types.ts'
import { Refusal } from '../../shared/refusal.ts'

/** What the first block tells of the source's columns. */
export interface ColumnWatch {
  see(header: string[] | null, block: DecodedBlock): void
  seen(): { columns: string[] | null; drift: string[] }
}

/**
 * A mapping that names a column which the source lacks fails the run at its first rows, not row by row.
 * A CSV header settles that. JSON rows may leave empty values out, so there only a first block in which
 * none of the mapping's columns occurs says that this is another table.
 */
export function columnWatch(mapping: CompiledMapping, mediaType: RowMediaType): ColumnWatch {
  let columns: string[] | null = null
  let drift: string[] = []
  return {
    see: (header, block) => {
      if (columns !== null || block.rows.length === 0) return
      columns = header ?? columnsOf(block)
      if (columns.length === 0 || mapping.columns.size === 0) return
      const checked = mapping.checkColumns(columns)
      drift = checked.drift
      const isOther =
        mediaType === 'text/csv'
          ? checked.missing.length > 0
          : checked.missing.length === mapping.columns.size
      if (isOther) throw columnsLacking(checked.missing)
    },
    seen: () => ({ columns, drift }),
  }
}

const columnsOf = (block: DecodedBlock): string[] => [
  ...new Set(block.rows.flatMap(({ row }) => (row === undefined ? [] : Object.keys(row)))),
]

export const columnsLacking = (missing: readonly string[]): Refusal =>
  new Refusal(
    'request-invalid',
    `来源缺少映射所需的列: ${missing.slice(0, 20).join('、')} / The source lacks columns that the mapping names`,
    {
      errors: missing.slice(0, 50).map((column) => ({
        pointer: `/${column.replaceAll('~', '~0').replaceAll('/', '~1')}`,
        code: 'column-missing',
        message:
          '映射需要此列,请补上或修改映射 / The mapping needs this column; add it or change the mapping',
      })),
    },
  )
