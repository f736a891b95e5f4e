import type { Caller } from '../identity/caller.ts'
import { may, mayForAll } from '../identity/permissions.ts'
import { unknownResource } from './faults.ts'
import type { Face, ResourceRow, VersionRow } from './resource-rows.ts'
import type { ResourceStore } from './resource-store.ts'

/** Whose drafts somebody sees in a list: everybody's, one department's, or nobody's. */
export interface Sight {
  drafts: 'all' | 'none' | { of: string }
}

export function sightOf(caller: Caller | null): Sight {
  if (mayForAll(caller, 'resources.see-drafts')) return { drafts: 'all' }
  const department = caller?.department ?? null
  if (department === null || !may(caller, 'resources.see-drafts', department)) {
    return { drafts: 'none' }
  }
  return { drafts: { of: department } }
}

/** A resource from the side that the caller sees. */
export type Seen =
  | { face: 'working'; row: ResourceRow }
  | { face: 'published'; row: ResourceRow; version: VersionRow }

/**
 * The resource as the caller may see it. Staff of the provider and the bureau see what is worked on, all
 * others what is published; a draft, a resource that is not shared and one that does not exist are the
 * same `not-found` to them.
 */
export async function see(
  resources: ResourceStore,
  caller: Caller | null,
  id: string,
): Promise<Seen> {
  const row = await resources.find(id)
  if (!row) throw unknownResource(id)
  if (faceOf(caller, row) === 'working') return { face: 'working', row }
  if (row.published_version === null) throw unknownResource(id)
  const version = await resources.version(id, row.published_version)
  if (!version || version.draft.share.type === 'not-shared') throw unknownResource(id)
  return { face: 'published', row, version }
}

/** The same, and nobody else changes the resource until the transaction ends. */
export async function lockSeen(
  resources: ResourceStore,
  caller: Caller | null,
  id: string,
): Promise<ResourceRow> {
  await resources.lock(id)
  return (await see(resources, caller, id)).row
}

const faceOf = (caller: Caller | null, { provider }: Pick<ResourceRow, 'provider'>): Face =>
  may(caller, 'resources.see-drafts', provider) ? 'working' : 'published'
