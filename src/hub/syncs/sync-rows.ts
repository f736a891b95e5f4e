import type { ClientBase, Pool } from 'pg'
import type { ConnectorKind } from '../../../schemas/api/connectors.ts'
import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { DeliveryContext, ErrorLimit, SyncLimits } from '../../../schemas/api/syncs.ts'
import type { Position, SourceColumn } from '../../connectors/contract.ts'

/** A sync as it is kept. Secrets stay sealed until its store is opened. */
export interface SyncRow {
  id: string
  title: string | null
  resource: string
  direction: 'pull' | 'deliver'
  department: string
  adapter: string | null
  source: string | null
  connector: ConnectorKind
  settings: Record<string, unknown>
  secrets: Buffer | null
  origin: string
  mode: 'full' | 'incremental'
  cursor: string[] | null
  overlap: string | null
  cron: string | null
  timezone: string | null
  limits: SyncLimits
  errorLimit: ErrorLimit
  onDrift: 'pause' | 'ignore' | 'add'
  fewerThanShareMin: number
  silentAfterHours: number | null
  priority: number
  mapping: Mapping | null
  targetColumns: Record<string, string> | null
  grantId: string | null
  context: DeliveryContext
  state: 'active' | 'paused'
  pausedFor: string | null
  position: Position | null
  sourceColumns: SourceColumn[] | null
  lastFullCount: number | null
  generation: number
  batchNumber: number
  nextDueAt: string | null
  lastRun: string | null
  lastSuccessAt: string | null
  lastFailureAt: string | null
  lastRowAt: string | null
  version: number
  createdBy: string
  createdAt: string
  updatedAt: string
}

/** The select list of a sync, in the names of `SyncRow`. */
export const syncColumns = `id, title, resource, direction, department, adapter, source, connector, settings, secrets,
  origin, mode, cursor, overlap, cron, timezone, limits, error_limit as "errorLimit", on_drift as "onDrift",
  fewer_than_share_min as "fewerThanShareMin", silent_after_hours as "silentAfterHours", priority, mapping,
  target_columns as "targetColumns", grant_id as "grantId", context, state, paused_for as "pausedFor", position,
  source_columns as "sourceColumns", last_full_count as "lastFullCount", generation, batch_number as "batchNumber",
  next_due_at as "nextDueAt", last_run as "lastRun", last_success_at as "lastSuccessAt",
  last_failure_at as "lastFailureAt", last_row_at as "lastRowAt", version, created_by as "createdBy",
  created_at as "createdAt", updated_at as "updatedAt"`

export async function findSync(
  db: Pick<ClientBase, 'query'> | Pick<Pool, 'query'>,
  id: string,
): Promise<SyncRow | null> {
  const { rows } = await db.query<SyncRow>({
    name: 'find-sync',
    text: `select ${syncColumns} from hub.syncs where id = $1`,
    values: [id],
  })
  return rows[0] ?? null
}
