/**
 * Who is calling: a machine of a department, or a member of staff. Read once per token and kept until a
 * notification clears it; `version` lets SQL on the hot path prove that what was kept still holds.
 */
export type Caller = SystemCaller | StaffCaller

export interface SystemCaller {
  kind: 'system'
  id: string
  department: string
  systemKind: 'front-end-machine' | 'business-system' | 'hub'
  version: number
}

export interface StaffCaller {
  kind: 'staff'
  id: string
  department: string | null
  roles: readonly Role[]
  version: number
}

export const roles = [
  'system-admin',
  'security-admin',
  'auditor',
  'bureau-cataloguer',
  'bureau-reviewer',
  'bureau-admin',
  'cataloguer',
  'department-head',
  'share-office-head',
  'reviewer',
  'operator',
  'developer',
] as const
export type Role = (typeof roles)[number]
