import type { Client } from 'pg'
import type { Target } from '../../connectors/contract.ts'
import type { Sharing } from '../sharing/sharing.ts'
import type { Pace } from '../syncs/pull-pace.ts'
import type { ClaimedRun } from '../syncs/run-work.ts'
import type { DeliveryPosition } from './delivery-position.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { DeliveredField } from './target-shape.ts'

/** A delivery under way in this process. */
export interface Delivery {
  sharing: Sharing
  claimed: ClaimedRun
  target: Target
  store: DeliveryStore
  fields: readonly DeliveredField[]
  pace: Pace
  batchRowsMax: number
  /**
   * One snapshot for a target that is there only as a whole: a file in which a record stood twice, as it was
   * and as it became meanwhile, would be wrong. Null: each batch reads what there is.
   */
  snapshot: Pick<Client, 'query'> | null
}

/** How far it has come. */
export interface Standing {
  position: DeliveryPosition
  /** The last batch's number. */
  number: number
  generation: number
  /** Of this run. */
  byteCount: number
  /** Of this run, since it began or began anew. */
  batchCount: number
  /** Rows delivered since this process took the run up. */
  rowCount: number
}
