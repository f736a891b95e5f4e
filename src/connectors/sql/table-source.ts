import type { Position, ReadBounds, Source, SourceBlock, SourceDescription } from '../contract.ts'
import type { ConnectorContext } from '../contract.ts'
import { openTable, type OpenTable } from './open-table.ts'
import type { Cells, SqlStore, StoreColumn, TableFacts } from './dialect.ts'
import { type Phase, phasesOf } from './phases.ts'
import { positionInWords, tablePosition, valuesOf } from './position.ts'
import { relatedRows } from './related-rows.ts'
import { tableBlock } from './rows.ts'
import { joined, raw, sql } from './sql-text.ts'
import { columnsNamed, planSelect, selectFrom, type TableSettings } from './table-plan.ts'

/** A table or view as a source: by its cursor, else by a key, else in no order at all. */
export function tableSource(
  store: SqlStore,
  settings: TableSettings,
  context: ConnectorContext,
): Source {
  const table = openTable(store, settings.table, context)
  const related = relatedRows(store, settings, context)
  return {
    describe: () => describe(table, settings),
    newest: (cursor) => newest(table, cursor),
    count: (bounds) => count(table, bounds),
    read: (bounds) => read(table, settings, bounds),
    inWords: positionInWords,
    related: (request) => related.rows(request),
    close: async () => {
      await Promise.all([table.close(), related.close()])
    },
  }
}

async function describe(table: OpenTable, { columns }: TableSettings): Promise<SourceDescription> {
  const facts = await table.facts()
  const chosen = columns ? columnsNamed(facts, columns, '') : facts.columns
  return {
    columns: chosen.map(({ name, nativeType, type, isNullable }) => ({
      name,
      nativeType,
      type,
      isNullable,
    })),
    keys: facts.keys,
    rowEstimate: facts.rowEstimate,
  }
}

interface Order {
  columns: readonly StoreColumn[]
  names: readonly string[]
  isUnique: boolean
  isCursor: boolean
}

/** The cursor, with what of it is unique; without one the first key, whose columns are never null. */
function orderOf(facts: TableFacts, cursor: readonly string[] | null): Order {
  const key = facts.keys[0] ?? []
  const columns = columnsNamed(facts, cursor ?? key, '游标')
  const names = columns.map(({ name }) => name)
  const isUnique = facts.keys.some((set) => set.every((name) => names.includes(name)))
  return { columns, names, isUnique, isCursor: cursor !== null }
}

function phases({ store }: OpenTable, order: Order, bounds: ReadBounds): Phase[] {
  return phasesOf({ ...order, dialect: store.dialect }, bounds, {
    after: valuesOf(bounds.after, order.names),
    upTo: valuesOf(bounds.upTo, order.names),
  })
}

async function newest(table: OpenTable, cursor: readonly string[]): Promise<Position | null> {
  const { dialect } = table.store
  const order = orderOf(await table.facts(), cursor)
  if (order.columns.length === 0) return null
  const quoted = order.names.map((name) => dialect.quote(name))
  const list = order.columns.map(
    (column, at) => `${dialect.position(column)} as ${dialect.quote(`c${at}`)}`,
  )
  const select = selectFrom(raw(list.join(', ')), table.name, {
    where: raw(quoted.map((name) => `${name} is not null`).join(' and ')),
    order: quoted.map((name) => `${name} desc`).join(', '),
  })
  const [row] = await table.query<Record<string, string>>(dialect.first(select, 1))
  if (!row) return null
  return tablePosition(
    order.names,
    order.names.map((_, at) => row[`c${at}`] ?? ''),
  )
}

async function count(table: OpenTable, bounds: ReadBounds): Promise<number> {
  const { dialect } = table.store
  const order = orderOf(await table.facts(), bounds.cursor)
  const counts = phases(table, order, bounds).map(({ where }) =>
    selectFrom(raw(`count(*) as ${dialect.quote('n')}`), table.name, { where, order: '' }),
  )
  const n = dialect.quote('n')
  const all = sql`select sum(${raw(n)}) as ${raw(n)} from (${joined(counts, ' union all ')}) ${raw(dialect.quote('q'))}`
  const [row] = await table.query<{ n: string }>(all)
  return Number(row?.n ?? 0)
}

async function* read(
  table: OpenTable,
  settings: TableSettings,
  bounds: ReadBounds,
): AsyncGenerator<SourceBlock, void, undefined> {
  const { dialect } = table.store
  const facts = await table.facts()
  const order = orderOf(facts, bounds.cursor)
  const chosen = settings.columns ? columnsNamed(facts, settings.columns, '') : facts.columns
  const plan = planSelect(dialect, chosen, { zone: settings.zone, position: order.columns })
  const { after } = bounds
  const positionOf = positionMaker(order, plan.positionAt, valuesOf(after, order.names))
  const reader = await table.openReader()
  try {
    let line = 1
    for (const { where, movesOn } of phases(table, order, bounds)) {
      const select = selectFrom(plan.list, table.name, {
        where,
        order: order.names.map((name) => dialect.quote(name)).join(', '),
      })
      for await (const block of reader.rows(select)) {
        yield tableBlock(block, {
          rowOf: plan.rowOf,
          line,
          positionOf: movesOn ? positionOf : () => null,
        })
        line += block.rows.length
      }
    }
  } finally {
    await reader.close()
  }
}

/** Rows that tie with where the read began are read again, and are not ahead of it. */
function positionMaker(
  { names }: Order,
  positionAt: readonly number[],
  after: readonly string[] | null,
): (cells: Cells) => Position | null {
  const start = after?.join('\n')
  return (cells) => {
    const values = positionAt.map((at) => cells[at] ?? '')
    // A row that was cut off for its length may lack its position; the row behind it has one.
    if (positionAt.some((at) => cells[at] == null)) return null
    return values.join('\n') === start ? null : tablePosition(names, values)
  }
}
