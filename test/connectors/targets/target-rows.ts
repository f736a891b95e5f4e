import type {
  TargetBatch,
  TargetColumn,
  TargetRow,
  TargetShape,
} from '../../../src/connectors/contract.ts'

/** A column of every type; the values are invented. */
export const columns: TargetColumn[] = [
  { name: 'idNumber', title: '公民身份号码', type: 'text', length: 18 },
  { name: 'name', title: '姓名 "引号" it’s \\ 百分%', type: 'text', length: 50 },
  { name: 'note', title: '备注', type: 'text' },
  { name: 'count', title: '数量', type: 'integer' },
  { name: 'capital', title: '注册资金', type: 'decimal', length: 24, scale: 6 },
  { name: 'bornOn', title: '出生日期', type: 'date' },
  { name: 'seenAt', title: '更新时间', type: 'datetime' },
  { name: 'isAlive', title: '是否存续', type: 'boolean' },
  { name: 'holders', title: '权利人', type: 'array' },
  { name: 'more', title: '其他', type: 'object' },
]

export const shape: TargetShape = { delivery: 'population-to-tax', columns }

export const fullValues = {
  idNumber: '11010519491231002X',
  name: '𠮷田·张三丰',
  note: `=SUM(A1) 引号"'\\ 逗号, 换行\n结束 🀄`,
  count: 9_007_199_254_740_991,
  capital: '123456789012345678.123456',
  bornOn: '1949-12-31',
  seenAt: '2026-11-22T08:00:00.123456Z',
  isAlive: true,
  holders: [{ name: '李四', share: '33.33' }],
  more: { 备注: '无', 层: { 数: 1 } },
}

export const emptyValues = Object.fromEntries(columns.map(({ name }) => [name, null]))

export const upsert = (key: string, seq: number, values: object = {}): TargetRow => ({
  operation: 'upsert',
  key,
  seq,
  values: { ...emptyValues, ...values },
})

export const removal = (key: string, seq: number): TargetRow => ({
  operation: 'delete',
  key,
  seq,
  values: null,
})

export const batchOf = (
  number: number,
  rows: readonly TargetRow[],
  more: Partial<TargetBatch> = {},
): TargetBatch => ({
  number,
  generation: 1,
  runId: 'run-1',
  rows,
  at: new Date('2026-11-22T08:30:00.500Z'),
  position: { seq: rows.at(-1)?.seq ?? 0, base: 'b1' },
  ...more,
})

export const endOf = (generation: number, more: { runId?: string; isFull?: boolean } = {}) => ({
  runId: 'run-1',
  generation,
  isFull: true,
  at: new Date('2026-11-22T08:31:00Z'),
  ...more,
})
