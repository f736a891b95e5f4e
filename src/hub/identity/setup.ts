import type { Caller, StaffCaller } from './caller.ts'
import { demand, may, type Step } from './permissions.ts'

/*
 *   open (a fresh hub: the first bureau-admin may do every step alone) ──complete──▶ closed, for good
 */
export const setupCompleted = 'setup-completed'

export interface Setup {
  /**
   * Whether setup mode is on. While it is, the database is asked each time, for another process may have
   * ended it; once it is over, it stays so and costs nothing.
   */
  isOpen(): Promise<boolean>
}

export function createSetup(settings: { has(name: string): Promise<boolean> }): Setup {
  let isClosed = false
  return {
    isOpen: async () => {
      if (isClosed) return false
      isClosed = await settings.has(setupCompleted)
      return !isClosed
    },
  }
}

/**
 * The member of staff, allowed to take the step; else `role-missing`. In setup mode a bureau-admin may
 * take every step of every chain: `isBypassed` says that the roles alone would not have allowed it, and
 * then the audit entry notes `review-chain-bypassed`.
 */
export async function demandStep(
  setup: Setup,
  caller: Caller | null,
  step: Step,
  department: string | null,
): Promise<{ staff: StaffCaller; isBypassed: boolean }> {
  const isAdmin = caller?.kind === 'staff' && caller.roles.includes('bureau-admin')
  if (isAdmin && !may(caller, step, department) && (await setup.isOpen())) {
    return { staff: caller, isBypassed: true }
  }
  return { staff: demand(caller, step, department), isBypassed: false }
}
