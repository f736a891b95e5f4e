import { rowLimits } from '../../shared/limits.ts'
import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import type { TargetColumn } from '../contract.ts'
import type { TableColumn } from './dialect.ts'

const column = (
  name: string,
  title: string,
  more: Partial<TableColumn> & Pick<TableColumn, 'type'>,
): TableColumn => ({ name, title, isRequired: true, ...more })

export const keyColumn = column('_key', '记录主键', {
  type: 'text',
  length: rowLimits.keyCodePointsMax,
})

/** What the hub keeps of each row that it delivers into a table; in this order in every row. */
export const hubColumns: readonly TableColumn[] = [
  keyColumn,
  column('_seq', '变更序号', { type: 'integer' }),
  column('_generation', '全量批次代数', { type: 'integer' }),
  column('_delivered_at', '交付时间', { type: 'datetime' }),
]

/** What stands in front of each row of an exchange table, in this order; the taker sets the mark. */
export const exchangeColumns = (exchange: ExchangeSettings): TableColumn[] => [
  column(exchange.batch, '批次号', { type: 'integer' }),
  keyColumn,
  column(exchange.operation, '操作标识', { type: 'text', length: 10 }),
  column(exchange.time, '批次时间', { type: 'datetime' }),
]

export const markColumn = (name: string): TableColumn =>
  column(name, '取走标记', { type: 'text', length: 1, isRequired: false })

/** The log's last signed checkpoint: whoever holds it can tell a log that was rewritten from the real one. */
export const checkpointColumn = 'checkpoint'

/** `shuqiao_deliveries`: how far each delivery has come in this store, committed with its rows. */
export const controlColumns: readonly TableColumn[] = [
  column('delivery', '交付任务', { type: 'text', length: 100 }),
  column('target_table', '目标表', { type: 'text', length: 255 }),
  column('batch_number', '批次号', { type: 'integer' }),
  column('generation', '全量批次代数', { type: 'integer' }),
  column('position', '交付位置', { type: 'text', isRequired: false }),
  column('run_id', '运行编号', { type: 'text', length: 100, isRequired: false }),
  column('delivered_at', '交付时间', { type: 'datetime', isRequired: false }),
  column(checkpointColumn, '审计日志检查点', { type: 'text', isRequired: false }),
]

/** The delivery's own columns: any may be empty, since a grant masks and a source omits. */
export const filledColumns = (columns: readonly TargetColumn[]): TableColumn[] =>
  columns.map((each) => ({ ...each, isRequired: false }))
