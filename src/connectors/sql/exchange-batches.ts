import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import type { Position } from '../contract.ts'
import type { StoreColumn, TableFacts } from './dialect.ts'
import type { OpenTable } from './open-table.ts'
import { raw, sql, type Sql } from './sql-text.ts'
import { columnsNamed } from './table-plan.ts'
import { parseTableName, quotedTable } from './table-name.ts'

/** Seconds that a batch must have rested before it is taken, unless a newer one stands behind it. */
const restSeconds = 2

/** Where an exchange source stands: within a batch behind so many rows, or (`taken` null) behind all of it. */
export interface BatchPosition extends Position {
  batch: string
  taken: number | null
}

export function batchPosition(position: Position | null): BatchPosition | null {
  if (position === null || typeof position['batch'] !== 'string') return null
  const { batch, taken } = position
  return { batch, taken: typeof taken === 'number' ? taken : null }
}

export interface ExchangeColumns {
  operation: StoreColumn
  batch: StoreColumn
  time: StoreColumn
  mark: StoreColumn | null
}

export function exchangeColumns(facts: TableFacts, exchange: ExchangeSettings): ExchangeColumns {
  const named = (name: string): StoreColumn[] => columnsNamed(facts, [name], '交换')
  const [operation] = named(exchange.operation)
  const [batch] = named(exchange.batch)
  const [time] = named(exchange.time)
  const [mark = null] = exchange.mark === undefined ? [] : named(exchange.mark)
  if (!operation || !batch || !time) throw new Error('columnsNamed answers every name it is given')
  return { operation, batch, time, mark }
}

/** Rows that have not been taken yet; null where only the receipts tell. */
export function untaken({ store: { dialect } }: OpenTable, { mark }: ExchangeColumns): Sql | null {
  if (!mark) return null
  const name = raw(dialect.quote(mark.name))
  return sql`(${name} is null or ${name} <> ${dialect.bound(mark, '1')})`
}

export interface Batch {
  batch: string
  rowCount: number
}

/**
 * The batches that can be taken, in order. A writer that commits row by row must not have its batch taken
 * half: a batch counts as whole once a newer one exists, or once its newest row is two seconds old by the
 * store's clock. Without a mark a batch is taken when a receipt counts all of its rows: rows that came
 * behind the receipt make it a batch to take again.
 */
export async function openBatches(table: OpenTable, exchange: ExchangeSettings): Promise<Batch[]> {
  const columns = exchangeColumns(await table.facts(), exchange)
  const { dialect } = table.store
  const batch = dialect.quote(columns.batch.name)
  const time = dialect.quote(columns.time.name)
  const where = untaken(table, columns)
  const list = `${dialect.position(columns.batch)} as ${dialect.quote('batch')}, count(*) as ${dialect.quote('n')}, case when max(${time}) <= ${dialect.secondsAgo(columns.time, restSeconds)} then 1 else 0 end as ${dialect.quote('rested')}`
  const rows = await table.query<{ batch: string; n: string; rested: string }>(
    sql`select ${raw(list)} from ${raw(table.name)} where ${raw(batch)} is not null${where ? sql` and ${where}` : raw('')} group by ${raw(batch)} order by ${raw(batch)}`,
  )
  const received = columns.mark ? new Map<string, number>() : await receivedCounts(table, exchange)
  const isWhole = await newerThan(table, columns.batch)
  return rows
    .filter((row) => Number(row.rested) === 1 || isWhole(row.batch))
    .map((row) => ({ batch: row.batch, rowCount: Number(row.n) }))
    .filter(({ batch, rowCount }) => rowCount > (received.get(batch) ?? 0))
}

/** Whether a batch has a newer one behind it, taken or not: then its writer has gone on. */
async function newerThan(table: OpenTable, batch: StoreColumn): Promise<(text: string) => boolean> {
  const { dialect } = table.store
  const name = dialect.quote(batch.name)
  const select = sql`select ${raw(dialect.position(batch))} as ${raw(dialect.quote('batch'))} from ${raw(table.name)} where ${raw(name)} is not null order by ${raw(name)} desc`
  const [last] = await table.query<{ batch: string }>(dialect.first(select, 1))
  return (text) => last !== undefined && text !== last.batch
}

async function receivedCounts(
  table: OpenTable,
  exchange: ExchangeSettings,
): Promise<Map<string, number>> {
  const { dialect, facts } = table.store
  const name = table.folded(parseTableName(exchange.receipts))
  if (!(await facts(await table.session(), name))) return new Map()
  const batch = controlColumn(table, 'batch')
  const rows = await table.query<{ batch: string; n: string }>(
    sql`select ${raw(batch)} as ${raw(dialect.quote('batch'))}, max(${raw(controlColumn(table, 'read_count'))}) as ${raw(dialect.quote('n'))} from ${raw(quotedTable(dialect, name))} group by ${raw(batch)}`,
  )
  return new Map(rows.map((row) => [row.batch, Number(row.n)]))
}

/** A column of the tables that are written back, named as the store folds names. */
export const controlColumn = ({ store: { dialect } }: OpenTable, name: string): string =>
  dialect.quote(dialect.fold?.(name) ?? name)
