import type pg from 'pg'
import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { AuditLog } from '../audit/facts.ts'
import type { RejectSeal } from './reject-store.ts'

/** What intake is built from. */
export interface IntakeParts {
  /** Direct connections for COPY and merges. */
  bulkPool: pg.Pool
  /** Ordinary reads and writes. */
  pool: pg.Pool
  /** The published resource, or null. */
  served(id: string): Promise<ServedResource | null>
  vault: RejectSeal
  /** The mapping of a department's source, or null where the adapter has none any more. */
  mappingOfAdapter(adapter: string, source: string): Mapping | null
  auditLog: AuditLog
  /** Bytes that a body may hold, decompressed. */
  decodedBytesMax: number
  /** The name of this process in leases. */
  holder: string
  /** Whether a run that another process can take up again should stop between two steps, since the hub stops. */
  isClosing(): boolean
}
