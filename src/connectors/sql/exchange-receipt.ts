/**
 * What an exchange source writes back, in tables that are created when they are absent:
 *
 *   receipts   batch · read_count · landed_count · flagged_count · rejected_count · run_id · received_at
 *   rejects    batch · run_id · ordinal · source_row · field · code · message
 *
 * `source_row` is the row as it was read, as JSON; a row with several reasons has one line for each, with
 * the same ordinal. Times are instants in UTC.
 */
import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import type { UnitReceipt } from '../contract.ts'
import type { SqlDialect } from './dialect.ts'
import { controlColumn, exchangeColumns, untaken } from './exchange-batches.ts'
import type { OpenTable } from './open-table.ts'
import type { SqlSession } from './session.ts'
import { joined, raw, rendered, sql, type Sql, value } from './sql-text.ts'
import { parseTableName, quotedTable } from './table-name.ts'

type ColumnTypes = Record<string, keyof SqlDialect['types']>

const receiptColumns: ColumnTypes = {
  batch: 'shortText',
  read_count: 'count',
  landed_count: 'count',
  flagged_count: 'count',
  rejected_count: 'count',
  run_id: 'shortText',
  received_at: 'instant',
}

const rejectColumns: ColumnTypes = {
  batch: 'shortText',
  run_id: 'shortText',
  ordinal: 'count',
  source_row: 'text',
  field: 'shortText',
  code: 'shortText',
  message: 'text',
}

const insertRowsMax = 100

/** Receipt, rejected rows and marks in one transaction; told again, it leaves the same behind. */
export async function acknowledgeBatch(
  table: OpenTable,
  exchange: ExchangeSettings,
  receipt: UnitReceipt,
): Promise<void> {
  const columns = exchangeColumns(await table.facts(), exchange)
  const session = await table.session()
  // Tables first: some stores commit whatever is open when one is created.
  const receipts = await madeTable(table, exchange.receipts, receiptColumns)
  const rejects = await madeTable(table, exchange.rejects, rejectColumns)
  const isOpen = untaken(table, columns)
  await session.transaction(async (inside) => {
    const run = runner(inside, table)
    await writeReceipt(run, { table, name: receipts, receipt })
    await writeRejects(run, { table, name: rejects, receipt })
    if (!columns.mark || !isOpen) return
    const { dialect } = table.store
    const ofBatch = sql`${raw(dialect.quote(columns.batch.name))} = ${dialect.bound(columns.batch, receipt.unit)} and ${isOpen}`
    // Rows that were added to the batch after it had been read stay unmarked with it, and are taken again.
    if ((await countOf(inside, table, ofBatch)) > receipt.readCount) return
    await run(
      sql`update ${raw(table.name)} set ${raw(dialect.quote(columns.mark.name))} = ${dialect.bound(columns.mark, '1')} where ${ofBatch}`,
    )
  })
}

type Run = (statement: Sql) => Promise<number>

const runner =
  (session: SqlSession, { store: { dialect } }: OpenTable): Run =>
  (statement) =>
    session.execute(rendered(statement, dialect.placeholder), statement.values)

async function countOf(session: SqlSession, table: OpenTable, where: Sql): Promise<number> {
  const { dialect } = table.store
  const n = dialect.quote('n')
  const statement = sql`select count(*) as ${raw(n)} from ${raw(table.name)} where ${where}`
  const [row] = await session.query<{ n: string }>(
    rendered(statement, dialect.placeholder),
    statement.values,
  )
  return Number(row?.n ?? 0)
}

interface Written {
  table: OpenTable
  name: string
  receipt: UnitReceipt
}

const ofUnit = ({ table, receipt }: Written): Sql =>
  sql`${raw(controlColumn(table, 'batch'))} = ${value(receipt.unit)} and ${raw(controlColumn(table, 'run_id'))} = ${value(receipt.runId)}`

async function writeReceipt(run: Run, written: Written): Promise<void> {
  const { table, name, receipt } = written
  await run(sql`delete from ${raw(name)} where ${ofUnit(written)}`)
  const values = joined(
    [
      value(receipt.unit),
      value(receipt.readCount),
      value(receipt.landedCount),
      value(receipt.flaggedCount),
      value(receipt.rejectedCount),
      value(receipt.runId),
      raw(table.store.dialect.now),
    ],
    ', ',
  )
  const list = columnList(table, receiptColumns)
  await run(sql`insert into ${raw(name)} (${raw(list)}) values (${values})`)
}

async function writeRejects(run: Run, written: Written): Promise<void> {
  const { table, name, receipt } = written
  await run(sql`delete from ${raw(name)} where ${ofUnit(written)}`)
  const into = raw(`insert into ${name} (${columnList(table, rejectColumns)}) values `)
  const rowsMax = table.store.dialect.hasMultipleValues ? insertRowsMax : 1
  let waiting: Sql[] = []
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await run(sql`${into}${joined(waiting, ', ')}`)
    waiting = []
  }
  let ordinal = 0
  for await (const { source, reasons } of receipt.rejects) {
    ordinal++
    const row = typeof source === 'string' ? source : JSON.stringify(source)
    for (const { field, code, message } of reasons) {
      const cells = [receipt.unit, receipt.runId, ordinal, row, field, code, message].map(value)
      waiting.push(sql`(${joined(cells, ', ')})`)
      if (waiting.length >= rowsMax) await flush()
    }
  }
  await flush()
}

const columnList = (table: OpenTable, columns: ColumnTypes): string =>
  Object.keys(columns)
    .map((name) => controlColumn(table, name))
    .join(', ')

/** The table's quoted name; it is created when there is none. */
async function madeTable(table: OpenTable, text: string, columns: ColumnTypes): Promise<string> {
  const { dialect, facts } = table.store
  const parsed = table.folded(parseTableName(text))
  const session = await table.session()
  const name = quotedTable(dialect, parsed)
  if (await facts(session, parsed)) return name
  const list = Object.entries(columns)
    .map(([column, type]) => `${controlColumn(table, column)} ${dialect.types[type]}`)
    .join(', ')
  try {
    await session.execute(`create table ${name} (${list})`)
  } catch (error) {
    // Another run may have created it a moment before.
    if (!(await facts(session, parsed))) throw error
  }
  return name
}
