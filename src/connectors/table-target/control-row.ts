import { Refusal } from '../../shared/refusal.ts'
import type { Position, TargetBatch } from '../contract.ts'
import type { SqlSession } from '../sql/session.ts'
import { cellsOf } from './cells.ts'
import { quotedName, type TableName, type TablePlan, type TargetDialect } from './dialect.ts'
import { checkpointColumn, controlColumns } from './hub-columns.ts'

/**
 * A delivery's row in `shuqiao_deliveries` is its memory and its fence: whoever writes holds its lock,
 * and moves it in the same transaction as the rows.
 *
 *   batch's number  = stored, same generation   it has arrived: nothing is done
 *                   = stored + 1                next
 *                   > stored + 1                next only when it begins a new generation: a store that
 *                                               was put back to an older state would lack the batches between
 *                   otherwise                   another process went on: refused
 */
export interface ControlRow {
  targetTable: string
  number: number
  generation: number
  position: Position | null
  checkpoint: string | null
}

export const controlPlan = (schema: string): TablePlan => ({
  table: { schema, name: 'shuqiao_deliveries' },
  columns: controlColumns,
  primaryKey: ['delivery'],
})

/**
 * The plan of the control table as it is there: one that was made before checkpoints were kept is left as
 * its owner has it, and keeps none until the column is added.
 */
export async function findControlPlan(
  session: SqlSession,
  dialect: TargetDialect,
  schema: string,
): Promise<TablePlan> {
  const plan = controlPlan(schema)
  const existing = await dialect.describe(session, plan.table)
  const isKept = existing?.columns.some(({ name }) => name === checkpointColumn) ?? true
  const columns = plan.columns.filter(({ name }) => isKept || name !== checkpointColumn)
  return { ...plan, columns }
}

export interface Control {
  dialect: TargetDialect
  plan: TablePlan
  delivery: string
}

const namesOf = ({ columns }: TablePlan): string[] => columns.map(({ name }) => name)

export async function readControl(
  session: SqlSession,
  { dialect, plan, delivery }: Control,
): Promise<ControlRow | null> {
  const names = namesOf(plan)
    .map((name) => dialect.quote(name))
    .join(', ')
  const [row] = await session.query<Record<string, unknown>>(
    `select ${names} from ${quotedName(dialect, plan.table)}
     where ${dialect.quote('delivery')} = ${dialect.parameter(1)}`,
    [delivery],
  )
  return row ? controlRow(row) : null
}

/** The row under lock until the transaction ends; refused when somebody has removed it. */
export async function lockControl(session: SqlSession, control: Control): Promise<ControlRow> {
  const { dialect, plan, delivery } = control
  const lock = { table: plan.table, column: 'delivery', value: delivery, columns: namesOf(plan) }
  const [row] = await dialect.lock(session, lock)
  if (row) return controlRow(row)
  throw new Refusal(
    'state-conflict',
    `目标库的 ${plan.table.name} 中没有此交付的记录 / The delivery’s row in ${plan.table.name} is gone`,
  )
}

const controlRow = (row: Record<string, unknown>): ControlRow => ({
  targetTable: String(row['target_table']),
  number: Number(row['batch_number']),
  generation: Number(row['generation']),
  position: positionOf(row['position']),
  checkpoint: typeof row['checkpoint'] === 'string' ? row['checkpoint'] || null : null,
})

const isPosition = (value: unknown): value is Position =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function positionOf(text: unknown): Position | null {
  const value: unknown = typeof text === 'string' ? JSON.parse(text) : text
  return isPosition(value) ? value : null
}

/** The delivery whose rows lie in the table; a table has one, or their full loads would delete each other's. */
export async function ownerOf(
  session: SqlSession,
  { dialect, plan }: Control,
  table: TableName,
): Promise<string | null> {
  const [row] = await session.query<{ delivery: string }>(
    `select ${dialect.quote('delivery')} as delivery from ${quotedName(dialect, plan.table)}
     where ${dialect.quote('target_table')} = ${dialect.parameter(1)}`,
    [wordsOf(table)],
  )
  return row?.delivery ?? null
}

export const wordsOf = ({ schema, name }: TableName): string => `${schema}.${name}`

export async function addControl(
  session: SqlSession,
  { dialect, plan, delivery }: Control,
  table: TableName,
): Promise<void> {
  const row = { delivery, target_table: wordsOf(table), batch_number: 0, generation: 0 }
  await dialect.insert(session, plan, [cellsOf(row, plan.columns, dialect)])
}

/** Whether the batch is to be written; refuses one that must not be (see the table above). */
export function judgeBatch(stored: ControlRow, batch: TargetBatch): 'arrived' | 'next' {
  if (batch.number === stored.number && batch.generation === stored.generation) return 'arrived'
  const isNewGeneration = batch.generation > stored.generation
  if (batch.number <= stored.number || batch.generation < stored.generation) {
    throw new Refusal(
      'state-conflict',
      `目标已收到第 ${stored.number} 批(第 ${stored.generation} 代),不再接受第 ${batch.number} 批(第 ${batch.generation} 代):另有进程已继续交付 / The target has batch ${stored.number}; batch ${batch.number} is older: another process went on`,
    )
  }
  if (batch.number === stored.number + 1 || isNewGeneration) return 'next'
  throw new Refusal(
    'state-conflict',
    `目标只到第 ${stored.number} 批,缺少第 ${batch.number} 批之前的批次,请全量重新交付 / The target ends with batch ${stored.number}; batches before ${batch.number} are missing, deliver everything again`,
  )
}

export async function moveControl(
  session: SqlSession,
  { dialect, plan, delivery }: Control,
  batch: TargetBatch,
): Promise<void> {
  const moved = {
    batch_number: batch.number,
    generation: batch.generation,
    position: JSON.stringify(batch.position),
    run_id: batch.runId,
    delivered_at: batch.at.toISOString(),
    ...(batch.checkpoint != null && { checkpoint: batch.checkpoint }),
  }
  const columns = plan.columns.filter(({ name }) => Object.hasOwn(moved, name))
  const sets = columns.map(
    ({ name }, index) => `${dialect.quote(name)} = ${dialect.parameter(index + 1)}`,
  )
  await session.execute(
    `update ${quotedName(dialect, plan.table)} set ${sets.join(', ')}
     where ${dialect.quote('delivery')} = ${dialect.parameter(columns.length + 1)}`,
    [...cellsOf(moved, columns, dialect), delivery],
  )
}

/** A full load of no rows has no batch that could tell its generation. */
export async function raiseGeneration(
  session: SqlSession,
  { dialect, plan, delivery }: Control,
  generation: number,
): Promise<void> {
  await session.execute(
    `update ${quotedName(dialect, plan.table)}
     set ${dialect.quote('generation')} = ${dialect.parameter(1)}
     where ${dialect.quote('delivery')} = ${dialect.parameter(2)}`,
    [String(generation), delivery],
  )
}
