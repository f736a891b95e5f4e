import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import type { TargetBatch, TargetRow } from '../contract.ts'
import type { SqlSession } from '../sql/session.ts'
import { cellsOf } from './cells.ts'
import type { TablePlan, TargetDialect } from './dialect.ts'

/** The last word on each key: the feed folds already, but one statement may touch a key only once. */
export function foldRows(rows: readonly TargetRow[]): TargetRow[] {
  const last = new Map<string, TargetRow>()
  for (const row of rows) {
    const former = last.get(row.key)
    if (!former || former.seq <= row.seq) last.set(row.key, row)
  }
  return [...last.values()]
}

/** Upserts by key and applies deletions: the table is then as the grant shows the records. */
export async function writeTable(
  session: SqlSession,
  { dialect, plan }: { dialect: TargetDialect; plan: TablePlan },
  batch: TargetBatch,
): Promise<void> {
  const rows = foldRows(batch.rows)
  const removals = rows.filter(({ operation }) => operation === 'delete')
  const upserts = rows
    .filter(({ operation }) => operation === 'upsert')
    .map(({ key, seq, values }) => ({ ...values, ...hubValues(key, seq, batch) }))
    .map((values) => cellsOf(values, plan.columns, dialect))
  if (upserts.length > 0) await dialect.upsert(session, plan, upserts)
  if (removals.length > 0) await dialect.remove(session, plan.table, removals, batch.generation)
}

const hubValues = (key: string, seq: number, batch: TargetBatch): Record<string, unknown> => ({
  _key: key,
  _seq: seq,
  _generation: batch.generation,
  _delivered_at: batch.at.toISOString(),
})

/**
 * Appends the rows of a batch for the taker: `U` with the columns for a record as it now is, whether the
 * taker has seen it or not, and `D` with the key alone for one that is gone.
 */
export async function appendExchange(
  session: SqlSession,
  {
    dialect,
    plan,
    exchange,
  }: { dialect: TargetDialect; plan: TablePlan; exchange: ExchangeSettings },
  batch: TargetBatch,
): Promise<void> {
  const rows = foldRows(batch.rows).map(({ key, operation, values }) => ({
    ...values,
    [exchange.batch]: batch.number,
    _key: key,
    [exchange.operation]: operation === 'delete' ? 'D' : 'U',
    [exchange.time]: batch.at.toISOString(),
  }))
  if (rows.length === 0) return
  await dialect.insert(
    session,
    plan,
    rows.map((values) => cellsOf(values, plan.columns, dialect)),
  )
}
