import type { StaffCaller } from '../identity/caller.ts'
import type { Setup } from '../identity/setup.ts'

/** Setup mode (初始设置): a bureau-admin may take every step of every chain alone, each one marked. */
export async function bypassOf(setup: Setup): Promise<(staff: StaffCaller) => boolean> {
  const isOpen = await setup.isOpen()
  return ({ roles }) => isOpen && roles.includes('bureau-admin')
}

/** The mark that a bypassed step leaves in the audit entry. */
export const bypassNote = (isBypassed: boolean): Record<string, unknown> =>
  isBypassed ? { 'review-chain-bypassed': true } : {}
