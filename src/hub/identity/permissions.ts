import { Refusal } from '../../shared/refusal.ts'
import type { Caller, Role, StaffCaller } from './caller.ts'

/**
 * Which role may take which step: the one table. `own` means only for the caller's own department,
 * `bureau` means for every department. Roles of the bureau act for all, roles of a department for theirs.
 * The three administrators (三员) never see records, rejects or anybody's business.
 */
const steps = {
  'departments.manage': { bureau: ['bureau-admin', 'system-admin'], own: [] },
  'departments.read': { bureau: 'staff', own: 'staff' },
  'systems.manage': { bureau: ['bureau-admin', 'system-admin'], own: [] },
  'systems.read': {
    bureau: ['bureau-admin', 'bureau-reviewer', 'system-admin', 'security-admin', 'auditor'],
    own: ['operator', 'developer', 'share-office-head', 'department-head'],
  },
  'systems.disable': {
    bureau: ['bureau-admin', 'system-admin', 'security-admin'],
    own: ['share-office-head'],
  },
  'staff.manage': { bureau: ['bureau-admin', 'security-admin'], own: [] },
  'staff.read': { bureau: ['bureau-admin', 'system-admin', 'security-admin', 'auditor'], own: [] },
  'setup.complete': { bureau: ['bureau-admin'], own: [] },
  'resources.draft': { bureau: ['bureau-cataloguer', 'bureau-admin'], own: ['cataloguer'] },
  'resources.see-drafts': {
    bureau: ['bureau-cataloguer', 'bureau-reviewer', 'bureau-admin', 'auditor'],
    own: [
      'cataloguer',
      'department-head',
      'share-office-head',
      'reviewer',
      'operator',
      'developer',
    ],
  },
  'resources.submit': { bureau: ['bureau-cataloguer', 'bureau-admin'], own: ['cataloguer'] },
  'resources.approve': { bureau: [], own: ['department-head'] },
  'resources.return': { bureau: ['bureau-reviewer', 'bureau-admin'], own: ['department-head'] },
  'resources.publish': { bureau: ['bureau-reviewer', 'bureau-admin'], own: [] },
  'resources.withdraw': { bureau: ['bureau-admin'], own: ['department-head'] },
  'resources.mount': {
    bureau: ['bureau-cataloguer', 'bureau-admin'],
    own: ['cataloguer', 'operator'],
  },
  'runs.read': {
    bureau: ['bureau-admin', 'bureau-reviewer'],
    own: ['operator', 'cataloguer', 'department-head', 'reviewer'],
  },
  'runs.operate': { bureau: [], own: ['operator'] },
  'rejects.read': { bureau: [], own: ['operator'] },
  'syncs.read': {
    bureau: ['bureau-admin', 'bureau-cataloguer', 'bureau-reviewer', 'auditor'],
    own: ['operator', 'cataloguer', 'department-head', 'developer'],
  },
  'syncs.manage': { bureau: ['bureau-admin', 'bureau-cataloguer'], own: ['operator'] },
  'syncs.run': { bureau: ['bureau-admin', 'bureau-cataloguer'], own: ['operator'] },
  'applications.file': {
    bureau: [],
    own: ['developer', 'operator', 'cataloguer', 'share-office-head'],
  },
  'applications.read': {
    bureau: ['bureau-admin', 'bureau-reviewer', 'auditor'],
    own: [
      'developer',
      'operator',
      'cataloguer',
      'share-office-head',
      'department-head',
      'reviewer',
    ],
  },
  'applications.decide': { bureau: [], own: ['share-office-head'] },
  'applications.approve-extension': { bureau: ['bureau-admin', 'bureau-reviewer'], own: [] },
  'grants.read': {
    bureau: ['bureau-admin', 'bureau-reviewer', 'auditor'],
    own: ['developer', 'operator', 'share-office-head', 'department-head', 'reviewer'],
  },
  'grants.suspend': { bureau: ['bureau-admin'], own: ['share-office-head'] },
  'queue.see': { bureau: ['bureau-admin', 'system-admin'], own: [] },
  'audit.read': {
    bureau: ['auditor', 'bureau-admin'],
    own: ['share-office-head', 'department-head'],
  },
  'audit.subjects': { bureau: ['auditor', 'bureau-admin'], own: ['share-office-head'] },
  'audit.redact': { bureau: ['security-admin', 'auditor'], own: [] },
  'audit.confirm-redaction': { bureau: ['bureau-admin'], own: [] },
} as const satisfies Record<
  string,
  { bureau: readonly Role[] | 'staff'; own: readonly Role[] | 'staff' }
>

export type Step = keyof typeof steps

const isStep = (name: string): name is Step => Object.hasOwn(steps, name)

export const everyStep: readonly Step[] = Object.keys(steps).filter(isStep)

/** Each of the three excludes the other two and every business role (GB/T 22239, 三员分立). */
const separatedRoles: readonly Role[] = ['system-admin', 'security-admin', 'auditor']

/** The roles that one person may not hold together, as a refusal's words; null when they may. */
export function rolesConflict(roles: readonly Role[]): string | null {
  const separated = roles.filter((role) => separatedRoles.includes(role))
  if (separated.length === 0 || roles.length === 1) return null
  return `三员角色不得兼任: ${roles.join('、')} / ${separated[0]} excludes every other role`
}

const holds = (caller: StaffCaller, allowed: readonly Role[] | 'staff'): boolean =>
  allowed === 'staff' || caller.roles.some((role) => allowed.includes(role))

/** Whether this member of staff may take the step for that department (null: for no particular one). */
export function may(caller: Caller | null, step: Step, department: string | null): boolean {
  if (caller?.kind !== 'staff') return false
  const { bureau, own } = steps[step]
  if (holds(caller, bureau)) return true
  return department !== null && caller.department === department && holds(caller, own)
}

/** Whether the caller may take the step for every department: decides between a whole list and the own part. */
export const mayForAll = (caller: Caller | null, step: Step): boolean =>
  caller?.kind === 'staff' && holds(caller, steps[step].bureau)

/** The member of staff, allowed; else `role-missing`. */
export function demand(caller: Caller | null, step: Step, department: string | null): StaffCaller {
  if (caller?.kind === 'staff' && may(caller, step, department)) return caller
  throw new Refusal(
    'role-missing',
    `此操作(${step})需要相应角色,请联系数据局管理员 / This step (${step}) needs a role you do not have; ask the data bureau`,
  )
}

/**
 * Whose things a list shows: null for every department's, else the caller's own. Asking for another
 * department's, or having no role for the step at all, is `role-missing`.
 */
export function visibleDepartment(
  caller: Caller | null,
  step: Step,
  wanted: string | undefined,
): string | null {
  if (mayForAll(caller, step)) return wanted ?? null
  return demand(caller, step, wanted ?? caller?.department ?? null).department
}

/** Roles that mean something only inside a department. */
const departmentRoles: readonly Role[] = [
  'cataloguer',
  'department-head',
  'share-office-head',
  'reviewer',
  'operator',
  'developer',
]

/** Whether one of the roles is held towards a department, so that one must be named. */
export const needsDepartment = (roles: readonly Role[]): boolean =>
  roles.some((role) => departmentRoles.includes(role))
