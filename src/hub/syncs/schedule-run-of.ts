import type { RunRow } from '../intake/run-rows.ts'
import { syncLimits } from './limits.ts'
import type { SyncRow } from './sync-rows.ts'

/**
 * What a run of the sync is: its kind, how rows land, and its lane. A full read begins in the large lane
 * unless the last one was small; an incremental one begins in the small lane and yields when it turns out large.
 */
export function runOfSync(
  sync: Pick<SyncRow, 'direction' | 'mode' | 'lastFullCount'>,
): Pick<RunRow, 'kind' | 'mode' | 'lane'> {
  const isSmall =
    sync.mode === 'incremental' ||
    (sync.lastFullCount !== null && sync.lastFullCount <= syncLimits.smallRunRowsMax)
  return {
    kind: sync.direction === 'pull' ? 'pull' : 'deliver',
    mode: sync.mode === 'full' ? 'snapshot' : 'changes',
    lane: isSmall ? 'small' : 'large',
  }
}
