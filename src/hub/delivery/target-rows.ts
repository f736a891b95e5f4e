import type { TargetRow } from '../../connectors/contract.ts'
import type { Change } from '../records/read-changes.ts'
import { deliveredValues, type FoundRecord, type Reading } from '../records/reading.ts'
import { shownKeys } from '../sharing/told-changes.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryPermit } from './delivery-permit.ts'
import { deliveryLimits } from './limits.ts'

export interface SizedRows {
  rows: TargetRow[]
  upsertCount: number
  deleteCount: number
  /** Of the rows as JSON, in UTF-8. */
  byteCount: number
}

interface Told {
  permit: DeliveryPermit
  reading: Reading
  /** A batch that was promised its range is not cut short. */
  planned: boolean
}

/** Changes as the grant shows them, under the target's names; ends with the record that makes the batch too large. */
export function targetRows(
  { sharing, fields }: Pick<Delivery, 'sharing' | 'fields'>,
  { permit, reading, planned }: Told,
  items: readonly Change[],
): SizedRows {
  const keyOf = shownKeys(sharing.hub.keys.masks, permit.grant.id)
  const sized: SizedRows = { rows: [], upsertCount: 0, deleteCount: 0, byteCount: 0 }
  for (const change of items) {
    const { seq, record } = change
    const operation = record ? 'upsert' : 'delete'
    const values = record && valuesOf(fields, reading, record)
    sized.rows.push({ operation, key: keyOf(change), seq, values })
    sized[`${operation}Count`] += 1
    sized.byteCount += values ? Buffer.byteLength(JSON.stringify(values)) : 0
    if (!planned && sized.byteCount >= deliveryLimits.batchBytesMax) break
  }
  return sized
}

/** Every column has a value, so that one that is gone is emptied. */
function valuesOf(
  fields: Delivery['fields'],
  reading: Reading,
  record: FoundRecord,
): Record<string, unknown> {
  const shown = deliveredValues(reading, record)
  const values: Record<string, unknown> = {}
  for (const { field, column } of fields) values[column.name] = shown[field] ?? null
  return values
}
