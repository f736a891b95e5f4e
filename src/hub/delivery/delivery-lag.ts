import type { Pool } from 'pg'
import { recordsName } from '../records/record-table.ts'
import type { SyncRow } from '../syncs/sync-rows.ts'
import { readPosition } from './delivery-position.ts'

/**
 * How many change numbers a delivery is behind its resource; 0 when it has everything. Numbers, not
 * records: several changes of one record are delivered as one.
 */
export async function deliveryLag(
  pool: Pick<Pool, 'query'>,
  sync: Pick<SyncRow, 'resource' | 'position'>,
): Promise<number> {
  const resource = await pool.query<{ number: number }>(
    'select resource_number as number from hub.change_numbers where resource = $1',
    [sync.resource],
  )
  const number = resource.rows[0]?.number
  // Published, and never yet: there is no table.
  if (number === undefined) return 0
  // The last number given may be that of a tombstone that is purged: only what is there can be delivered.
  const { rows } = await pool.query<{ last: number | null }>(
    `select max(_seq) as last from ${recordsName(number)}`,
  )
  return Math.max(0, (rows[0]?.last ?? 0) - (readPosition(sync.position)?.seq ?? 0))
}
