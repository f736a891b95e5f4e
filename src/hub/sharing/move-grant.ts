import {
  type Grant,
  type GrantTransition,
  grantTransitions,
  terminationGrounds,
} from '../../../schemas/api/sharing.ts'
import { bypassOf } from '../catalog/bypass.ts'
import { conflict } from '../catalog/faults.ts'
import type { Hub } from '../hub.ts'
import type { Stores } from '../database/stores.ts'
import type { Caller } from '../identity/caller.ts'
import { demand } from '../identity/permissions.ts'

/**
 * Suspends, resumes or ends a grant (Decree 809, art. 27). It is in force with the commit: every read
 * proves the grant's version in its own statement. A service is ended only after a failed rectification,
 * a filed change, or expiry; in setup mode always.
 */
export async function moveGrant(
  { setup, clock }: Hub,
  stores: Stores,
  { caller, id, wanted }: { caller: Caller | null; id: string; wanted: GrantTransition },
): Promise<{ grant: Grant; isBypassed: boolean }> {
  const { action, ground, reason } = wanted
  const before = await stores.grants.lock(id)
  const staff = demand(caller, 'grants.suspend', before.provider)
  const { from, to } = grantTransitions[action]
  if (!from.includes(before.state)) {
    throw conflict(
      `授权状态为 ${before.state},不能 ${action} / A grant that is ${before.state} does not allow ${action}`,
    )
  }
  const isForbidden = action === 'terminate' && !mayEnd(before, ground, clock.now())
  const isBypassed = isForbidden && (await bypassOf(setup))(staff)
  if (isForbidden && !isBypassed) {
    throw conflict(
      `终止须以整改不合格(rectification-failed,先中止)、已备案的变更(filed-change)或到期(expired)为由 / A grant ends after a failed rectification of a suspended one, a filed change, or expiry (art. 27); grounds: ${terminationGrounds.join(', ')}`,
    )
  }
  const step = { action, to, staff: staff.id, ground, reason, isBypassed }
  const grant = await stores.grants.move(id, step)
  await stores.announceChange(`grant:${id}`)
  return { grant, isBypassed }
}

function mayEnd({ state, validUntil }: Grant, ground: string, now: Date): boolean {
  if (ground === 'rectification-failed') return state === 'suspended'
  if (ground === 'expired') return Date.parse(validUntil) <= now.getTime()
  return ground === 'filed-change'
}
