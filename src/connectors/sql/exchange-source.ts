import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import type { ConnectorContext, Position, ReadBounds, Source, SourceBlock } from '../contract.ts'
import type { CellBlock, RowReader, SqlStore, StoreColumn, TableFacts } from './dialect.ts'
import { acknowledgeBatch } from './exchange-receipt.ts'
import {
  type Batch,
  batchPosition,
  type BatchPosition,
  exchangeColumns,
  openBatches,
  untaken,
} from './exchange-batches.ts'
import { type OpenTable, openTable } from './open-table.ts'
import { tableBlock } from './rows.ts'
import { raw, sql } from './sql-text.ts'
import {
  columnsNamed,
  planSelect,
  type SelectPlan,
  selectFrom,
  type TableSettings,
} from './table-plan.ts'

export interface ExchangeSource extends TableSettings {
  exchange: ExchangeSettings
}

/**
 * An exchange table: batches in order, and within one its rows by time. Each batch is a unit; what became
 * of it is written back by `acknowledge`. Where to go on is said by the marks or receipts in the store;
 * a position only leads back into the batch that was being read.
 */
export function exchangeSource(
  store: SqlStore,
  settings: ExchangeSource,
  context: ConnectorContext,
): Source {
  const table = openTable(store, settings.table, context)
  return {
    describe: async () => {
      const facts = await table.facts()
      const columns = chosenColumns(facts, settings).map(
        ({ name, nativeType, type, isNullable }) => ({ name, nativeType, type, isNullable }),
      )
      return { columns, keys: facts.keys, rowEstimate: facts.rowEstimate }
    },
    newest: async () => {
      const last = (await openBatches(table, settings.exchange)).at(-1)
      return last ? { batch: last.batch, taken: null } : null
    },
    count: async (bounds) => {
      const batches = await batchesWithin(table, settings.exchange, bounds)
      return batches.reduce(
        (sum, { rowCount, skipped }) => sum + Math.max(0, rowCount - skipped),
        0,
      )
    },
    read: (bounds) => read(table, settings, bounds),
    inWords: (position) => inWords(settings.exchange, batchPosition(position)),
    acknowledge: (receipt) => acknowledgeBatch(table, settings.exchange, receipt),
    close: () => table.close(),
  }
}

function inWords({ batch }: ExchangeSettings, position: BatchPosition | null): string {
  if (!position) return ''
  const rows = position.taken === null ? '' : `, ${position.taken} rows`
  return `${batch} ${position.batch}${rows}`
}

/** The mark is ours and says nothing of the row; the operation is always needed. */
function chosenColumns(facts: TableFacts, { columns, exchange }: ExchangeSource): StoreColumn[] {
  const { operation, mark } = exchangeColumns(facts, exchange)
  const chosen = columns ? columnsNamed(facts, columns, '') : [...facts.columns]
  const whole = chosen.includes(operation) ? chosen : [...chosen, operation]
  return whole.filter((column) => column !== mark)
}

type BatchToRead = Batch & { skipped: number }

/**
 * The open batches up to the newest that was there when the run began. One that the position lies behind
 * has landed, and only waits for its acknowledgement; one that it lies in comes first and goes on there.
 */
async function batchesWithin(
  table: OpenTable,
  exchange: ExchangeSettings,
  bounds: ReadBounds,
): Promise<BatchToRead[]> {
  const open = await openBatches(table, exchange)
  const upTo = batchPosition(bounds.upTo)
  const last = upTo ? open.findIndex(({ batch }) => batch === upTo.batch) : -1
  const within = last === -1 ? open : open.slice(0, last + 1)
  const after = batchPosition(bounds.after)
  if (!after) return within.map((batch) => ({ ...batch, skipped: 0 }))
  const rest = within.filter(({ batch }) => batch !== after.batch)
  const begun = within.filter(({ batch }) => batch === after.batch && after.taken !== null)
  return [
    ...begun.map((batch) => ({ ...batch, skipped: after.taken ?? 0 })),
    ...rest.map((batch) => ({ ...batch, skipped: 0 })),
  ]
}

async function* read(
  table: OpenTable,
  settings: ExchangeSource,
  bounds: ReadBounds,
): AsyncGenerator<SourceBlock, void, undefined> {
  const facts = await table.facts()
  const chosen = chosenColumns(facts, settings)
  const plan = planSelect(table.store.dialect, chosen, { zone: settings.zone, position: [] })
  const batches = await batchesWithin(table, settings.exchange, bounds)
  const reader = await table.openReader()
  try {
    for (const batch of batches) {
      yield* readBatch({ table, reader, plan, facts, exchange: settings.exchange }, batch)
    }
  } finally {
    await reader.close()
  }
}

interface BatchRead {
  table: OpenTable
  reader: RowReader
  plan: SelectPlan
  facts: TableFacts
  exchange: ExchangeSettings
}

async function* readBatch(
  { table, reader, plan, facts, exchange }: BatchRead,
  { batch, skipped }: BatchToRead,
): AsyncGenerator<SourceBlock, void, undefined> {
  const { dialect } = table.store
  const columns = exchangeColumns(facts, exchange)
  const key = facts.keys[0] ?? []
  const isOpen = untaken(table, columns)
  const select = selectFrom(plan.list, table.name, {
    where: sql`${raw(dialect.quote(columns.batch.name))} = ${dialect.bound(columns.batch, batch)}${isOpen ? sql` and ${isOpen}` : raw('')}`,
    order: [columns.time.name, ...key].map((name) => dialect.quote(name)).join(', '),
  })
  let seen = 0
  let held: SourceBlock | null = null
  for await (const cells of reader.rows(select)) {
    if (held) yield held
    held = batchBlock(cells, { plan, batch, line: seen + 1, skipped, hasKey: key.length > 0 })
    seen += cells.rows.length
  }
  if (held) yield endOf(held, batch)
}

/** Without a key rows of one time have no order: nothing leads back into the middle of such a batch. */
function batchBlock(
  cells: CellBlock,
  at: { plan: SelectPlan; batch: string; line: number; skipped: number; hasKey: boolean },
): SourceBlock | null {
  const { plan, batch, hasKey } = at
  const isBehind = Math.max(0, at.skipped - (at.line - 1))
  const line = at.line + Math.min(isBehind, cells.rows.length)
  const rows = cells.rows.slice(isBehind)
  if (rows.length === 0) return null
  const block = tableBlock(
    { rows, byteCount: cells.byteCount },
    { rowOf: plan.rowOf, line, positionOf: () => null },
  )
  const positionAfter = (count: number): Position | null =>
    hasKey ? { batch, taken: line - 1 + Math.min(count, rows.length) } : null
  return { ...block, unit: batch, isUnitEnd: false, positionAfter }
}

const endOf = (block: SourceBlock, batch: string): SourceBlock => ({
  ...block,
  isUnitEnd: true,
  positionAfter: (count) =>
    count >= block.rows.length ? { batch, taken: null } : block.positionAfter(count),
})
