import type { Reconciliation } from '../../../schemas/api/syncs.ts'
import type { LandingCounts } from './land-batch.ts'

export const runStates = [
  'queued',
  'running',
  'succeeded',
  'partial',
  'failed',
  'cancelled',
] as const
export type RunState = (typeof runStates)[number]
export const runModes = ['upsert', 'delete', 'changes', 'snapshot'] as const
export type RunMode = (typeof runModes)[number]

export interface RunRow {
  id: string
  resource: string
  kind: 'push' | 'load' | 'replay' | 'pull' | 'deliver' | 'check'
  mode: RunMode
  state: RunState
  isDry: boolean
  isForced: boolean
  system: string | null
  staff: string | null
  department: string
  counts: LandingCounts
  byteCount: number
  batchCount: number
  nextBatch: number | null
  startSeq: number | null
  lastSeq: number | null
  columns: string[] | null
  drift: string[] | null
  unmapped: unknown
  mediaType: string | null
  contentEncoding: string | null
  replayOf: string | null
  error: RunError | null
  /** Of a sync's run; null or as by default for everything that is pushed. */
  sync: string | null
  scheduledAt: string | null
  isAside: boolean
  plan: unknown
  checkpoint: unknown
  attempt: number
  notBefore: string | null
  priority: number
  lane: 'small' | 'large'
  lastError: RunError | null
  reconciliation: Reconciliation | null
  createdAt: string
  startedAt: string | null
  endedAt: string | null
}

export interface NewRun {
  resource: string
  kind: RunRow['kind']
  mode: RunMode
  state: 'queued' | 'running'
  department: string
  system?: string | null
  staff?: string | null
  isDry?: boolean
  isForced?: boolean
  mediaType?: string | null
  contentEncoding?: string | null
  replayOf?: string | null
}

/** The select list of a run. */
export const runColumns = `id, resource, kind, mode, state, is_dry as "isDry", is_forced as "isForced", system, staff, department,
  json_build_object('read', read_count, 'inserted', inserted_count, 'updated', updated_count,
    'unchanged', unchanged_count, 'stale', stale_count, 'superseded', superseded_count,
    'deleted', deleted_count, 'rejected', rejected_count, 'flagged', flagged_count) as counts,
  byte_count as "byteCount", batch_count as "batchCount", next_batch as "nextBatch", start_seq as "startSeq",
  last_seq as "lastSeq", columns, drift, unmapped, media_type as "mediaType",
  content_encoding as "contentEncoding", replay_of as "replayOf", error, created_at as "createdAt",
  started_at as "startedAt", ended_at as "endedAt", sync, scheduled_at as "scheduledAt",
  is_aside as "isAside", plan, checkpoint, attempt, not_before as "notBefore", priority, lane,
  last_error as "lastError", reconciliation`

export interface RunError {
  code: string
  message: string
}
