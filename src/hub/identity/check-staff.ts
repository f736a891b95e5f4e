import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import type { Stores } from '../database/stores.ts'
import { type Role, roles as knownRoles } from './caller.ts'
import { needsDepartment, rolesConflict } from './permissions.ts'

export interface StaffFacts {
  roles: readonly string[]
  department?: string
}

/**
 * The roles of a member of staff, checked: they exist, one person may hold them together (三员分立),
 * and roles of a department name one that exists. All faults at once, as `request-invalid`.
 */
export async function checkStaff({ departments }: Stores, facts: StaffFacts): Promise<Role[]> {
  const roles = facts.roles.filter(isRole)
  const errors = [...unknownRoles(facts.roles), ...roleFaults(roles, facts.department)]
  if (facts.department !== undefined && !(await departments.find(facts.department))) {
    const message = `没有部门 ${facts.department} / There is no department ${facts.department}`
    errors.push({ pointer: '/department', code: 'department-unknown', message })
  }
  if (errors.length === 0) return roles
  throw new Refusal('request-invalid', '人员信息不合规 / The member of staff is invalid', {
    errors,
  })
}

const isRole = (role: string): role is Role => knownRoles.some((known) => known === role)

const unknownRoles = (roles: readonly string[]): RequestFault[] =>
  roles.flatMap((role, index) => {
    if (isRole(role)) return []
    const message = `没有角色 ${role},可用: ${knownRoles.join('、')} / There is no such role`
    return [{ pointer: `/roles/${index}`, code: 'role-unknown', message }]
  })

function roleFaults(roles: readonly Role[], department: string | undefined): RequestFault[] {
  const faults: RequestFault[] = []
  const conflict = rolesConflict(roles)
  if (conflict !== null)
    faults.push({ pointer: '/roles', code: 'roles-conflict', message: conflict })
  if (department === undefined && needsDepartment(roles)) {
    const message = '部门角色须指明部门 / Roles of a department need the department'
    faults.push({ pointer: '/department', code: 'required', message })
  }
  return faults
}
