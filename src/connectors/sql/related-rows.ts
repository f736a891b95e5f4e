import type { SourceRow } from '../../exchange/types.ts'
import type { ConnectorContext, RelatedRequest } from '../contract.ts'
import type { Cells, SqlStore, StoreColumn } from './dialect.ts'
import { openTable, type OpenTable } from './open-table.ts'
import { joined, raw, sql, type Sql } from './sql-text.ts'
import { columnsNamed, planSelect, selectFrom } from './table-plan.ts'

/** Second tables of a source: their rows are asked for by the keys of the block that they belong to. */
export interface RelatedRows {
  rows(request: RelatedRequest): Promise<readonly SourceRow[]>
  close(): Promise<void>
}

/** Tuples asked for in one statement: well below every store's limit of parameters. */
const tuplesAtOnceMax = 500

export function relatedRows(
  store: SqlStore,
  { zone }: { zone?: string | undefined },
  context: ConnectorContext,
): RelatedRows {
  const tables = new Map<string, OpenTable>()
  const tableOf = (name: string): OpenTable => {
    const table = tables.get(name) ?? openTable(store, name, context)
    tables.set(name, table)
    return table
  }
  return {
    rows: async (request) => {
      const found: SourceRow[] = []
      for (let from = 0; from < request.values.length; from += tuplesAtOnceMax) {
        const values = request.values.slice(from, from + tuplesAtOnceMax)
        found.push(...(await select(tableOf(request.table), { ...request, values }, zone)))
      }
      return found
    },
    close: async () => {
      await Promise.all([...tables.values()].map((table) => table.close()))
    },
  }
}

async function select(
  table: OpenTable,
  request: RelatedRequest,
  zone: string | undefined,
): Promise<SourceRow[]> {
  const { dialect } = table.store
  const facts = await table.facts()
  const on = columnsNamed(facts, request.on, '关联')
  const plan = planSelect(dialect, columnsNamed(facts, request.columns, '关联'), {
    zone,
    position: [],
  })
  const key = facts.keys[0] ?? []
  const statement = selectFrom(plan.list, table.name, {
    where: joined(
      request.values.map((tuple) => sql`(${sameAs(table, on, tuple)})`),
      ' or ',
    ),
    order: key.map((name) => dialect.quote(name)).join(', '),
  })
  const rows = await table.query<Record<string, string | null>>(statement)
  const names = Array.from({ length: plan.columnCount }, (_, at) => `c${at}`)
  return plan.rowOf(rows.map((row): Cells => names.map((name) => row[name] ?? null)))
}

const sameAs = (
  { store: { dialect } }: OpenTable,
  on: readonly StoreColumn[],
  tuple: readonly string[],
): Sql =>
  joined(
    on.map(
      (column, at) =>
        sql`${raw(dialect.quote(column.name))} = ${dialect.bound(column, tuple[at] ?? '')}`,
    ),
    ' and ',
  )
