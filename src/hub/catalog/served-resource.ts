import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { ResourceDraft } from '../../../schemas/api/resources.ts'
import type { Field, Standard } from '../../../schemas/field.ts'
import type { Strictness } from '../../exchange/checks/judge.ts'
import type { RecordTable } from '../records/record-table.ts'

/**
 * A published resource as intake and sharing use it: its last published version, frozen. A new version or
 * a changed mount makes a new object, so that whatever is compiled from it can be kept beside it.
 */
export interface ServedResource {
  id: string
  number: number
  version: number
  title: string
  provider: string
  shareType: ResourceDraft['share']['type']
  strictness: Strictness
  fields: readonly Field[]
  keys: readonly (readonly string[])[]
  standard: Standard | null
  /** The mapping of the mount, the adapter's included; null when rows come in the standard's shape. */
  mapping: Mapping | null
  mountVersion: number
  table: RecordTable
}
