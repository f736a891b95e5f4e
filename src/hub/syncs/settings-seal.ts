import type { Keys } from '../keys.ts'
import { openSealed } from '../connections/settings-seal.ts'
import type { SyncRow } from './sync-rows.ts'

export { sealSettings } from '../connections/settings-seal.ts'

/** What a sync's secrets are bound to: sealed bytes moved to another row do not open. */
export const syncContext = (id: string): string => `sync:${id}`

/** The settings of a sync with its secrets in their places: for opening its store, and for nothing else. */
export const openSettings = (
  sync: Pick<SyncRow, 'settings' | 'secrets' | 'id'>,
  keys: Pick<Keys, 'settings'>,
): Record<string, unknown> => openSealed(sync, { keys, context: syncContext(sync.id) })
