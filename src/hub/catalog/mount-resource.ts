import type { Mount, MountDraft, MountedStore } from '../../../schemas/api/mounts.ts'
import type { Field } from '../../../schemas/field.ts'
import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import type { Stores } from '../database/stores.ts'
import type { Caller } from '../identity/caller.ts'
import { demand } from '../identity/permissions.ts'
import type { Keys } from '../keys.ts'
import { bindStore, type BoundStore, type KnownStore } from '../connections/bind-store.ts'
import { openSealed, sealSettings } from '../connections/settings-seal.ts'
import { conflict, fault, refuseFaults } from './faults.ts'
import { type AdapterMappings, mappingFaults } from './mount-mapping.ts'
import type { MountRow } from './mount-store.ts'
import type { ResourceRow } from './resource-rows.ts'
import { lockSeen } from './visibility.ts'

/** What a mount's secrets are bound to. */
const mountContext = (resource: string): string => `mount:${resource}`

interface Mounting {
  stores: Stores
  adapters: AdapterMappings
  keys: Pick<Keys, 'settings'>
  /** Below which files and SQLite databases must lie. */
  filesDirs: readonly string[]
  caller: Caller | null
}

/**
 * Binds a resource to its source (挂载), from the draft on. A mapping is compiled here against the fields
 * that its rows will land in, so that all its faults are told now and none with the first push.
 */
export async function mountResource(
  mounting: Mounting,
  id: string,
  draft: MountDraft,
): Promise<MountRow> {
  const { stores, adapters, keys, caller } = mounting
  const row = await lockSeen(stores.resources, caller, id)
  const staff = demand(caller, 'resources.mount', row.provider)
  if (row.draft.share.type === 'not-shared') {
    throw conflict(
      '不予共享的资源只编目,不挂载 / A resource that is not shared is catalogued, never mounted',
    )
  }
  const mapped = readMapped(draft, adapters)
  const store = await readStore(mounting, id, draft)
  const fields = await fieldsFed(stores, row)
  const mappings = mapped.mapping ? mappingFaults(mapped.mapping, fields) : []
  refuseFaults(
    [...mapped.faults, ...mappings, ...store.faults],
    '挂载有误,见各处说明 / The mount has faults',
  )
  const sealed = store.bound && (await sealStore(store.bound, keys, id))
  const mount = mountOf(mapped.part, sealed?.mounted)
  const secrets = sealed?.secrets ?? null
  const saved = await stores.mounts.save({ resource: id, mount, secrets, updated_by: staff.id })
  await stores.announceChange(`resource:${id}`)
  return saved
}

/** Rows land in the served version; before the first publication, in what the draft will become. */
async function fieldsFed({ resources }: Stores, row: ResourceRow): Promise<readonly Field[]> {
  if (row.published_version === null) return row.fields
  return (await resources.version(row.id, row.published_version))?.fields ?? row.fields
}

interface Mapped {
  part: { adapter: string; source: string } | { mapping: Mapping } | null
  mapping: Mapping | null
  faults: readonly RequestFault[]
}

/** An adapter's source, a mapping, or (with a connector only) rows in the standard's own shape. */
function readMapped(
  { adapter, source, mapping, connector }: MountDraft,
  adapters: AdapterMappings,
): Mapped {
  if (adapter === undefined && source === undefined && (mapping ?? connector) !== undefined) {
    return { part: mapping ? { mapping } : null, mapping: mapping ?? null, faults: [] }
  }
  if (adapter === undefined || source === undefined || mapping !== undefined) {
    const message =
      '请给出 {adapter, source}、{mapping} 或 {connector, settings} / Give {adapter, source}, {mapping} or {connector, settings}'
    return { part: null, mapping: null, faults: [fault('', 'shape', message)] }
  }
  const found = adapters.mapping(adapter, source)
  const message = `没有适配器 ${adapter} 的数据源 ${source} / There is no source ${source} of an adapter ${adapter}`
  const faults = found ? [] : [fault('/source', 'source-unknown', message)]
  return { part: { adapter, source }, mapping: found, faults }
}

interface ReadStore {
  bound: BoundStore | null
  faults: readonly RequestFault[]
}

async function readStore(
  { stores, keys, filesDirs }: Mounting,
  id: string,
  { connector, settings }: MountDraft,
): Promise<ReadStore> {
  if (connector === undefined && settings === undefined) return { bound: null, faults: [] }
  if (connector === undefined || settings === undefined) {
    const message = 'connector 与 settings 须同时给出 / connector and settings go together'
    return { bound: null, faults: [fault('/connector', 'shape', message)] }
  }
  const known = mountedStore(await stores.mounts.find(id), keys)
  return bindStore({ connector, settings }, { known, pointer: '/settings', filesDirs })
}

/** The store that a mount names, its secrets in their places; null where it names none. */
export function mountedStore(
  row: MountRow | undefined,
  keys: Pick<Keys, 'settings'>,
): KnownStore | null {
  if (row?.mount.connector === undefined || row.mount.settings === undefined) return null
  const { connector, settings } = row.mount
  const context = mountContext(row.resource)
  return { connector, settings: openSealed({ settings, secrets: row.secrets }, { keys, context }) }
}

async function sealStore(
  { connector, settings }: BoundStore,
  keys: Pick<Keys, 'settings'>,
  resource: string,
): Promise<{ mounted: MountedStore; secrets: Buffer | null }> {
  const sealed = await sealSettings(connector, settings, { keys, context: mountContext(resource) })
  return { mounted: { connector, settings: sealed.settings }, secrets: sealed.secrets }
}

function mountOf(part: Mapped['part'], store: MountedStore | undefined): Mount {
  if (part) return { ...part, ...store }
  if (store) return store
  throw new Error('A mount without a mapping, an adapter and a store')
}
