import type pg from 'pg'
import { inTransaction } from '../database/connect.ts'
import { lockResource } from './lock-resource.ts'
import { departuresName, recordsName } from './record-table.ts'

/**
 * Removes tombstones and departures from before an instant. From then on a cursor below `cleared_seq`
 * has expired: its follower could have missed a deletion. Answers the new `cleared_seq`. Takes the
 * resource's lock, so that no merge notes a departure meanwhile.
 */
export const purgeTombstones = (
  bulkPool: pg.Pool,
  resourceNumber: number,
  before: Date,
): Promise<number> =>
  inTransaction(bulkPool, async (client) => {
    await lockResource(client, resourceNumber)
    const departures = departuresName(resourceNumber)
    const { rows } = await client.query<{ cleared_seq: number }>(
      `update hub.change_numbers set cleared_seq = greatest(cleared_seq,
         (select max(_seq) from ${departures} where left_at < $2))
       where resource_number = $1 returning cleared_seq`,
      [resourceNumber, before],
    )
    const clearedSeq = rows[0]?.cleared_seq ?? 0
    await client.query(`delete from ${departures} where _seq <= $1`, [clearedSeq])
    // A deletion of what the hub never held has no departure and is nobody's to learn of.
    await client.query(
      `delete from ${recordsName(resourceNumber)} t where t._status = 'deleted' and (t._seq <= $1
         or (t._received_at < $2 and not exists (select from ${departures} d where d._key = t._key)))`,
      [clearedSeq, before],
    )
    return clearedSeq
  })
