import type { Mount, MountDraft } from '../../../schemas/api/mounts.ts'
import type { Field } from '../../../schemas/field.ts'
import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { Stores } from '../database/stores.ts'
import type { Caller } from '../identity/caller.ts'
import { demand } from '../identity/permissions.ts'
import { conflict, fault, refuseFaults } from './faults.ts'
import { type AdapterMappings, mappingFaults } from './mount-mapping.ts'
import type { MountRow } from './mount-store.ts'
import type { ResourceRow } from './resource-rows.ts'
import { lockSeen } from './visibility.ts'

interface Mounting {
  stores: Stores
  adapters: AdapterMappings
  caller: Caller | null
}

/**
 * Binds a resource to its source (挂载), from the draft on. A mapping is compiled here against the fields
 * that its rows will land in, so that all its faults are told now and none with the first push.
 */
export async function mountResource(
  { stores, adapters, caller }: Mounting,
  id: string,
  draft: MountDraft,
): Promise<MountRow> {
  const row = await lockSeen(stores.resources, caller, id)
  const staff = demand(caller, 'resources.mount', row.provider)
  if (row.draft.share.type === 'not-shared') {
    throw conflict(
      '不予共享的资源只编目,不挂载 / A resource that is not shared is catalogued, never mounted',
    )
  }
  const mount = readMount(draft, adapters, await fieldsFed(stores, row))
  const saved = await stores.mounts.save(id, mount, staff.id)
  await stores.announceChange(`resource:${id}`)
  return saved
}

/** Rows land in the served version; before the first publication, in what the draft will become. */
async function fieldsFed({ resources }: Stores, row: ResourceRow): Promise<readonly Field[]> {
  if (row.published_version === null) return row.fields
  return (await resources.version(row.id, row.published_version))?.fields ?? row.fields
}

function readMount(
  { adapter, source, mapping }: MountDraft,
  adapters: AdapterMappings,
  fields: readonly Field[],
): Mount {
  if (mapping !== undefined && adapter === undefined && source === undefined) {
    return { mapping: checked(mapping, fields) }
  }
  if (adapter === undefined || source === undefined || mapping !== undefined) {
    const message =
      '请给出 {adapter, source} 或 {mapping} 之一 / Give either {adapter, source} or {mapping}'
    refuseFaults([fault('', 'shape', message)], message)
    throw new Error('unreachable')
  }
  const found = adapters.mapping(adapter, source)
  if (found === null) {
    const message = `没有适配器 ${adapter} 的数据源 ${source} / There is no source ${source} of an adapter ${adapter}`
    refuseFaults([fault('/source', 'source-unknown', message)], message)
  } else {
    checked(found, fields)
  }
  return { adapter, source }
}

function checked(mapping: Mapping, fields: readonly Field[]): Mapping {
  refuseFaults(mappingFaults(mapping, fields), '映射有误,见各处说明 / The mapping has faults')
  return mapping
}
