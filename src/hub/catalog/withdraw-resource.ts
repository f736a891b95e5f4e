import type { Move } from './move-resource.ts'
import { conflict } from './faults.ts'
import { lockRecords } from './publish-resource.ts'
import type { ResourceRow } from './resource-rows.ts'

/**
 * Ends serving. Records stay; a batch that is landing finishes first, and the next one finds no served
 * version. While grants live a service is ended only with a filed change (Decree 809, art. 27).
 */
export async function withdrawResource(
  { stores, transaction, catalog }: Move,
  row: ResourceRow,
): Promise<void> {
  if (await catalog.hasLiveGrants(transaction, row.id)) {
    throw conflict(
      '尚有有效的共享授权,须先协商并备案(条例第二十七条)后方可下架 / Grants are alive: file the change with the bureau first (art. 27)',
    )
  }
  await lockRecords(transaction, row.number)
  await stores.resources.endServing(row.id)
  await stores.resources.unlist(row.id)
  await transaction('hub.change_numbers').where({ resource: row.id }).update({ served_version: 0 })
}
