import type { Caller } from '../identity/caller.ts'
import { demand, mayForAll } from '../identity/permissions.ts'
import type { AuditParts } from './audit-parts.ts'

/**
 * The department that a search is limited to; undefined for all. A department sees its own calls, and
 * everybody's calls of the resources that it provides.
 */
export async function visiblePart(
  caller: Caller | null,
  asked: { department?: string | undefined; resource?: string | undefined },
  parts: Pick<AuditParts, 'providerOf'>,
): Promise<string | undefined> {
  if (mayForAll(caller, 'audit.read')) return asked.department
  const own = demand(caller, 'audit.read', caller?.department ?? null).department
  const provider = asked.resource === undefined ? null : await parts.providerOf(asked.resource)
  if (provider !== null && provider === own) return asked.department
  const department = asked.department ?? own
  demand(caller, 'audit.read', department)
  return department ?? undefined
}
