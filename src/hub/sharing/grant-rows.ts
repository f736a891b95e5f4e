import type { Grant, GrantState, Masks, ShareOperation } from '../../../schemas/api/sharing.ts'
import type { GrantFacts } from './decide.ts'

export interface GrantRow {
  id: string
  version: number
  application: string
  resource: string
  resource_version: number
  provider: string
  consumer: string
  system: string
  operations: ShareOperation[]
  fields: string[]
  paths: string[]
  rows: Record<string, string[]> | null
  masks: Masks
  purposes: string[]
  valid_from: string
  valid_until: string
  daily_quota: number | null
  is_case_number_required: boolean
  is_unflagged_only: boolean
  state: GrantState
  state_ground: string | null
  state_reason: string | null
  state_changed_at: string | null
  granted_by: string
}

export const toGrant = (row: GrantRow): Grant => ({
  id: row.id,
  version: row.version,
  application: row.application,
  resource: row.resource,
  resourceVersion: row.resource_version,
  provider: row.provider,
  consumer: row.consumer,
  system: row.system,
  operations: row.operations,
  fields: row.fields,
  rows: row.rows,
  masks: row.masks,
  purposes: row.purposes,
  validFrom: row.valid_from,
  validUntil: row.valid_until,
  dailyQuota: row.daily_quota,
  caseNumberRequired: row.is_case_number_required,
  unflaggedOnly: row.is_unflagged_only,
  state: row.state,
  stateGround: row.state_ground,
  stateReason: row.state_reason,
  stateChangedAt: row.state_changed_at,
  grantedBy: row.granted_by,
})

export const toFacts = (row: GrantRow): GrantFacts => ({
  id: row.id,
  version: row.version,
  resource: row.resource,
  system: row.system,
  state: row.state,
  operations: row.operations,
  paths: row.paths,
  rows: row.rows,
  masks: row.masks,
  purposes: row.purposes,
  validFromMs: Date.parse(row.valid_from),
  validUntilMs: Date.parse(row.valid_until),
  caseNumberRequired: row.is_case_number_required,
  unflaggedOnly: row.is_unflagged_only,
  dailyQuota: row.daily_quota,
})
