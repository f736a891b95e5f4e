import { Refusal } from '../../shared/refusal.ts'
import type { Caller, StaffCaller } from '../identity/caller.ts'
import { demand, may, type Step, visibleDepartment } from '../identity/permissions.ts'
import type { SyncRow } from './sync-rows.ts'

export const unknownSync = (id: string): Refusal =>
  new Refusal('not-found', `没有同步任务 ${id} / There is no sync ${id}`)

/** The sync as the caller may see it; to who may not, it is not there. */
export function seeSync(caller: Caller | null, sync: SyncRow | undefined, id: string): SyncRow {
  visibleDepartment(caller, 'syncs.read', undefined)
  if (sync && may(caller, 'syncs.read', sync.department)) return sync
  throw unknownSync(id)
}

/** The member of staff who may take the step with this sync. */
export function demandSync(
  caller: Caller | null,
  step: Step,
  { sync, id }: { sync: SyncRow | undefined; id: string },
): { staff: StaffCaller; sync: SyncRow } {
  const seen = seeSync(caller, sync, id)
  return { staff: demand(caller, step, seen.department), sync: seen }
}

/**
 * Probing makes the hub connect to wherever the caller says, so only staff do it who may define syncs;
 * machines never.
 */
export function demandProber(caller: Caller | null): StaffCaller {
  return demand(caller, 'syncs.manage', caller?.department ?? null)
}
