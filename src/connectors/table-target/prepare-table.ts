import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { TargetColumn, TargetShape } from '../contract.ts'
import type { SqlSession } from '../sql/session.ts'
import { parseTableName } from '../sql/table-name.ts'
import { checkTable } from './check-table.ts'
import { addControl, type Control, ownerOf, readControl, wordsOf } from './control-row.ts'
import { quotedName, type TableName, type TablePlan, type TargetDialect } from './dialect.ts'
import { exchangeColumns, filledColumns, hubColumns, markColumn } from './hub-columns.ts'

export interface TableSettings {
  /** `schema.table` or `table`, parts with a point in them quoted. */
  table: string
  exchange?: ExchangeSettings | undefined
}

/** What a table is written by: the columns of each row in their order, and the mark that only takers set. */
export interface DeliveryPlan {
  plan: TablePlan
  markName: string | null
}

export async function tableNameOf(
  session: SqlSession,
  dialect: TargetDialect,
  table: string,
): Promise<TableName> {
  const { schema, name } = parseTableName(table)
  return { schema: schema ?? (await dialect.defaultSchema(session)), name }
}

/** Refuses (`state-conflict`) a delivered column that is called like one of the hub's own. */
export function planDelivery(
  table: TableName,
  { exchange }: TableSettings,
  { columns }: TargetShape,
): DeliveryPlan {
  const own = exchange ? exchangeColumns(exchange) : hubColumns
  const markName = exchange?.mark ?? null
  refuseTwice([...own.map(({ name }) => name), ...(markName ? [markName] : [])], columns)
  const primaryKey = exchange ? [exchange.batch, '_key'] : ['_key']
  return { plan: { table, columns: [...own, ...filledColumns(columns)], primaryKey }, markName }
}

function refuseTwice(own: readonly string[], columns: readonly TargetColumn[]): void {
  const names = [...own, ...columns.map(({ name }) => name)].map((name) => name.toLowerCase())
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  if (twice.size === 0) return
  const list = [...twice].join(', ')
  throw new Refusal(
    'state-conflict',
    `列名重复:${list},请在 columns 中改名 / Columns named twice: ${list}; rename them in “columns”`,
  )
}

/** Creates the table and the control table where absent, checks them where they are there. */
export async function prepareTable(
  session: SqlSession,
  { plan, markName }: DeliveryPlan,
  control: Control,
): Promise<void> {
  const { dialect } = control
  const withMark = markName ? [...plan.columns, markColumn(markName)] : plan.columns
  const demand = { plan: { ...plan, columns: withMark }, isKeyed: markName === null }
  const isExchange = plan.primaryKey.length > 1
  await createOrCheck(session, dialect, { ...demand, isKeyed: !isExchange })
  await createOrCheck(session, dialect, { plan: control.plan, isKeyed: true })
  await claim(session, control, { plan, isExchange })
}

async function createOrCheck(
  session: SqlSession,
  dialect: TargetDialect,
  demand: { plan: TablePlan; isKeyed: boolean },
): Promise<void> {
  const existing = await dialect.describe(session, demand.plan.table)
  if (existing) checkTable(existing, demand, dialect)
  else await dialect.create(session, demand.plan)
}

/** Gives the delivery its control row, once, and the table to it alone. */
async function claim(
  session: SqlSession,
  control: Control,
  { plan, isExchange }: { plan: TablePlan; isExchange: boolean },
): Promise<void> {
  const stored = await readControl(session, control)
  if (stored?.targetTable === wordsOf(plan.table)) return
  if (stored) throw conflict(control, `此交付已写入另一张表 ${stored.targetTable}`)
  if (!isExchange) {
    const owner = await ownerOf(session, control, plan.table)
    if (owner !== null) throw conflict(control, `目标表已由交付任务 ${owner} 使用`)
    if (await hasRows(session, control.dialect, plan.table))
      throw conflict(control, '目标表中已有数据,请先清空')
  }
  await addControl(session, control, plan.table)
}

const conflict = ({ plan, delivery }: Control, words: string): Refusal =>
  new Refusal(
    'state-conflict',
    `${words};确认不再需要后,请删除 ${wordsOf(plan.table)} 中的相应记录并清空表 / Delivery ${delivery} cannot use this table: it belongs to another delivery or holds rows; empty it and remove the old row of ${wordsOf(plan.table)} first`,
  )

async function hasRows(
  session: SqlSession,
  dialect: TargetDialect,
  table: TableName,
): Promise<boolean> {
  const rows = await session.query(
    `select ${dialect.quote('_key')} from ${quotedName(dialect, table)} limit 1`,
  )
  return rows.length > 0
}
