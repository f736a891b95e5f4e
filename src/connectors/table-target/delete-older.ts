import type { SqlSession } from '../sql/session.ts'
import { quotedName, type TableName, type TargetDialect } from './dialect.ts'

/** Keys that are walked over in one transaction: short enough not to keep the subscriber's readers waiting. */
const keysPerSlice = 20_000

export interface OlderRows {
  dialect: TargetDialect
  table: TableName
  generation: number
}

/**
 * Deletes the rows of generations older than `generation` behind `afterKey`, among the next keys; answers
 * how many, and up to which key it went (null: to the end). The walk follows the key's index once.
 */
export async function deleteOlderSlice(
  session: SqlSession,
  { dialect, table, generation }: OlderRows,
  afterKey: string | null,
): Promise<{ deletedCount: number; lastKey: string | null }> {
  const name = quotedName(dialect, table)
  const key = dialect.quote('_key')
  const behind = afterKey === null ? [] : [afterKey]
  const lower = afterKey === null ? '' : `where ${key} > ${dialect.parameter(1)}`
  const [upper] = await session.query<{ key: string }>(
    `select ${key} as ${dialect.quote('key')} from ${name} ${lower}
     order by ${key} limit 1 offset ${keysPerSlice - 1}`,
    behind,
  )
  const lastKey = upper?.key ?? null
  const bounds = [
    ...(afterKey === null ? [] : [{ column: '_key', sign: '>', value: afterKey }]),
    ...(lastKey === null ? [] : [{ column: '_key', sign: '<=', value: lastKey }]),
    { column: '_generation', sign: '<', value: String(generation) },
  ]
  const conditions = bounds.map(
    ({ column, sign }, index) => `${dialect.quote(column)} ${sign} ${dialect.parameter(index + 1)}`,
  )
  const deletedCount = await session.execute(
    `delete from ${name} where ${conditions.join(' and ')}`,
    bounds.map(({ value }) => value),
  )
  return { deletedCount, lastKey }
}
