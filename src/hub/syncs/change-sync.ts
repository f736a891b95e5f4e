import { isDeepStrictEqual } from 'node:util'
import type { SyncChange, SyncDraft } from '../../../schemas/api/syncs.ts'
import type { SyncRow } from './sync-rows.ts'
import { demandSync, unknownSync } from './access.ts'
import {
  checkSync,
  type Defining,
  demandGrant,
  publishedResource,
  scheduleColumns,
} from './define-sync.ts'
import { openSettings, sealSettings, syncContext } from './settings-seal.ts'
import type { SyncPatch } from './sync-store.ts'

/**
 * Changes a sync as a whole: what is not named stays, and everything is judged again as if it were defined
 * now. Secrets that the settings leave out, or give back as `***`, stay as they were.
 */
export async function changeSync(
  defining: Defining,
  id: string,
  change: SyncChange,
): Promise<SyncRow> {
  const { stores, caller, hub } = defining
  const { sync } = demandSync(caller, 'syncs.manage', { sync: await stores.syncs.lock(id), id })
  const { version } = await publishedResource(defining, sync.resource)
  const draft = draftOf(sync, change)
  const grant =
    sync.direction === 'deliver' ? (await demandGrant(defining, { draft, version })).grant : null
  const known = { connector: sync.connector, settings: openSettings(sync, hub.keys) }
  const checked = await checkSync(defining, draft, { version, grant, known })
  await stores.syncs.update(id, await patchOf(defining, { sync, change, checked }))
  await stores.announceChange(`sync:${id}`)
  const changed = await stores.syncs.find(id)
  if (!changed) throw unknownSync(id)
  return changed
}

/** The sync as it would be defined anew, with the change in it. */
function draftOf(sync: SyncRow, change: SyncChange): SyncDraft {
  const store = {
    ...(sync.adapter !== null && { adapter: sync.adapter }),
    ...(sync.source !== null && { source: sync.source }),
    connector: sync.connector,
    settings: sync.settings,
  }
  const { id, resource, direction, mode } = sync
  return {
    id,
    resource,
    direction,
    mode,
    ...(direction === 'pull' ? { source: store } : { target: store }),
    ...(sync.cursor && { cursor: sync.cursor }),
    ...(sync.overlap !== null && { overlap: sync.overlap }),
    ...(sync.cron !== null && { schedule: { cron: sync.cron, timezone: sync.timezone ?? 'UTC' } }),
    ...(sync.mapping && { mapping: sync.mapping }),
    ...(sync.targetColumns && { columns: sync.targetColumns }),
    ...(sync.grantId !== null && { grant: sync.grantId, context: sync.context }),
    ...change,
  }
}

interface Changing {
  sync: SyncRow
  change: SyncChange
  checked: Awaited<ReturnType<typeof checkSync>>
}

async function patchOf({ hub }: Defining, { sync, change, checked }: Changing): Promise<SyncPatch> {
  const { source, target, schedule, context, ...plain } = change
  const isStoreChanged = source !== undefined || target !== undefined
  return {
    ...plain,
    ...(schedule !== undefined && scheduleColumns(schedule, hub.clock.now())),
    ...(context !== undefined && { context: { operator: sync.createdBy, ...context } }),
    ...(isStoreChanged && (await storeColumns({ hub, checked, sync }))),
  }
}

async function storeColumns({
  hub,
  checked,
  sync,
}: Pick<Defining, 'hub'> & Pick<Changing, 'checked' | 'sync'>): Promise<SyncPatch> {
  const { store, adapter, source } = checked
  const sealing = { keys: hub.keys, context: syncContext(sync.id) }
  const sealed = await sealSettings(store.connector, store.settings, sealing)
  const { origin } = store.bound
  const isSamePlace =
    origin === sync.origin && isDeepStrictEqual(sealed.settings, { ...sync.settings })
  return {
    adapter,
    source,
    connector: store.connector,
    origin,
    ...sealed,
    ...(!isSamePlace && beginAnew),
  }
}

/** What was known of one store says nothing of another: from its position on, older rows would be missed. */
const beginAnew = { position: null, sourceColumns: null, lastFullCount: null } as const
