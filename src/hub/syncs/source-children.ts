import type { Source, SourceBlock } from '../../connectors/contract.ts'
import type { MappedTable } from '../../exchange/mapping/contract.ts'
import type { DecodedRow, SourceRow } from '../../exchange/types.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { PullParts } from './pull-parts.ts'
import { answered } from './pull-watch.ts'

/**
 * Nests the rows of the mapping's second tables under their tables' names, as the mapping reads them. The
 * rows of a block are fetched by its own keys, so that memory stays bounded however large the table is.
 */
export async function withChildren(parts: PullParts, block: SourceBlock): Promise<SourceBlock> {
  const { tables } = parts.pipeline.mapping
  if (tables.length === 0 || block.rows.length === 0) return block
  if (
    block.rows.every(({ row }) => row === undefined || tables.every(({ source }) => source in row))
  )
    return block
  const nested = new Map<string, (row: SourceRow) => SourceRow[]>()
  for (const table of tables) nested.set(table.source, await childrenOf(parts, table, block.rows))
  const rows = block.rows.map((decoded): DecodedRow => {
    if (decoded.row === undefined) return decoded
    const row = { ...decoded.row }
    for (const [name, find] of nested) row[name] = find(decoded.row)
    return { line: decoded.line, row }
  })
  return { ...block, rows, positionAfter: (count) => block.positionAfter(count) }
}

/** Of one row: what it is told apart by in the second table; null where a column has no value. */
const tupleOf = (row: SourceRow, columns: readonly string[]): string[] | null => {
  const tuple = columns.flatMap((column) => {
    const cell = row[column]
    return typeof cell === 'string' || typeof cell === 'number' ? [String(cell)] : []
  })
  return tuple.length === columns.length ? tuple : null
}

async function childrenOf(
  { source, watch }: PullParts,
  { source: table, on, columns }: MappedTable,
  rows: readonly DecodedRow[],
): Promise<(row: SourceRow) => SourceRow[]> {
  const related = demandRelated(source, table)
  const [theirs, ours] = [Object.keys(on), Object.values(on)]
  const tuples = new Map<string, string[]>()
  for (const { row } of rows) {
    const tuple = row === undefined ? null : tupleOf(row, ours)
    if (tuple !== null) tuples.set(JSON.stringify(tuple), tuple)
  }
  const request = { table, columns: [...columns], on: theirs, values: [...tuples.values()] }
  const found = await answered(related(request), watch)
  const byTuple = new Map<string, SourceRow[]>()
  for (const child of found) {
    const key = JSON.stringify(tupleOf(child, theirs))
    const known = byTuple.get(key)
    if (known === undefined) byTuple.set(key, [child])
    else known.push(child)
  }
  return (row) => byTuple.get(JSON.stringify(tupleOf(row, ours))) ?? []
}

function demandRelated(source: Source, table: string): NonNullable<Source['related']> {
  if (source.related !== undefined) return (request) => demandedRelated(source, request)
  throw new Refusal(
    'state-conflict',
    `此来源不能按映射读取第二张表 ${table};请在来源建视图,或改用嵌套的行 ` +
      '/ This kind of source cannot fetch a second table; join it in a view, or give nested rows',
  )
}

async function demandedRelated(
  source: Source,
  request: Parameters<NonNullable<Source['related']>>[0],
): Promise<readonly SourceRow[]> {
  return request.values.length === 0 ? [] : ((await source.related?.(request)) ?? [])
}
