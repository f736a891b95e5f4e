import type { SyncDraft, SyncStore } from '../../../schemas/api/syncs.ts'
import type { Grant } from '../../../schemas/api/sharing.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import { conflict, refuseFaults } from '../catalog/faults.ts'
import { mappingFaults, mappingOf } from '../catalog/mount-mapping.ts'
import { mountedStore } from '../catalog/mount-resource.ts'
import type { ResourceRow, VersionRow } from '../catalog/resource-rows.ts'
import { see } from '../catalog/visibility.ts'
import type { Stores } from '../database/stores.ts'
import type { Hub } from '../hub.ts'
import type { Caller, StaffCaller } from '../identity/caller.ts'
import { demand, visibleDepartment } from '../identity/permissions.ts'
import { decide } from '../sharing/decide.ts'
import { bindStore, type BoundStore, type KnownStore } from '../connections/bind-store.ts'
import {
  columnFaults,
  directionFaults,
  grantedPaths,
  mappingOfPull,
  scheduleFaults,
  sourceFaults,
  targetFaults,
  usageFaults,
} from './check-sync.ts'
import { nextDue } from './due-times.ts'
import { syncLimits } from './limits.ts'
import { sealSettings, syncContext } from './settings-seal.ts'
import type { SyncRow } from './sync-rows.ts'
import type { NewSync } from './sync-store.ts'
import { watchLimits } from './watch-limits.ts'

export interface Defining {
  hub: Pick<Hub, 'catalog' | 'keys' | 'config' | 'clock'>
  stores: Stores
  caller: Caller | null
}

/** How far before its position a source is read again, where the sync does not say. */
const overlapDefault = '10m'

/**
 * Defines a sync (同步任务). Everything is judged at once: who, the resource, the store's settings, the
 * mapping against the fields, the grant of a delivery, the schedule. Reaches out to no store: that is
 * what a probe is for.
 */
export async function defineSync(defining: Defining, draft: SyncDraft): Promise<SyncRow> {
  const { stores, caller } = defining
  visibleDepartment(caller, 'syncs.manage', undefined)
  const { row, version } = await publishedResource(defining, draft.resource)
  const party =
    draft.direction === 'pull'
      ? { staff: demand(caller, 'syncs.manage', row.provider), grant: null }
      : await demandGrant(defining, { draft, version })
  const checked = await checkSync(defining, draft, { version, grant: party.grant, known: null })
  if ((await stores.syncs.count()) >= watchLimits.syncsMax) throw tooMany()
  const department = party.grant?.consumer ?? row.provider
  await stores.syncs.insert(await toNewSync(defining, draft, { ...party, checked, department }))
  await stores.announceChange(`sync:${draft.id}`)
  const defined = await stores.syncs.find(draft.id)
  if (!defined) throw new Error('An inserted sync is not there')
  return defined
}

/** What is served now: a sync lands in, or reads from, the published version. */
export async function publishedResource(
  { stores, caller }: Defining,
  id: string,
): Promise<{ row: ResourceRow; version: VersionRow }> {
  const { row } = await see(stores.resources, caller, id)
  const version =
    row.published_version === null
      ? undefined
      : await stores.resources.version(id, row.published_version)
  if (!version) {
    const detail = `资源尚未发布或已下架(${row.state}) / The resource is not published (${row.state})`
    throw conflict(detail)
  }
  if (version.draft.share.type === 'not-shared') {
    throw conflict(
      '不予共享的资源只编目,不同步 / A resource that is not shared is catalogued, never synchronised',
    )
  }
  return { row, version }
}

interface GrantAsked {
  draft: Pick<SyncDraft, 'resource' | 'grant' | 'context'>
  version: VersionRow
}

/** The grant that a delivery runs under, judged as each of its batches will be. */
export async function demandGrant(
  { stores, caller, hub }: Defining,
  { draft, version }: GrantAsked,
): Promise<{ staff: StaffCaller; grant: Grant }> {
  const grant = draft.grant === undefined ? null : await findGrant(stores, draft.grant)
  if (grant === null || grant.resource !== draft.resource) throw grantMissing()
  const staff = demand(caller, 'syncs.manage', grant.consumer)
  const verdict = decide({
    subject: grant.system,
    operation: 'deliver',
    resource: { id: draft.resource, fields: version.fields },
    context: { atMs: hub.clock.now().getTime(), operator: staff.id, ...draft.context },
    grants: [
      {
        ...grant,
        paths: grantedPaths(grant.fields, version.fields),
        validFromMs: Date.parse(grant.validFrom),
        validUntilMs: Date.parse(grant.validUntil),
      },
    ],
  })
  if (!verdict.permit) throw new Refusal(verdict.code)
  return { staff, grant }
}

async function findGrant({ grants }: Stores, id: string): Promise<Grant | null> {
  try {
    return await grants.demand(id)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'not-found') return null
    throw error
  }
}

const grantMissing = (): Refusal =>
  new Refusal(
    'grant-missing',
    '下发须有本资源的、含 deliver 操作的共享授权 / A delivery needs a grant of this resource with the operation deliver',
  )

const tooMany = (): Refusal =>
  conflict(
    `同步任务已达上限 ${watchLimits.syncsMax} 个 / There are ${watchLimits.syncsMax} syncs already`,
  )

export interface Checking {
  version: VersionRow
  grant: Grant | null
  /** The store that the sync had before, when it is changed. */
  known: KnownStore | null
}

export interface CheckedSync {
  store: BoundStore
  adapter: string | null
  source: string | null
}

/** Refuses (`request-invalid`) with every fault of the draft at once. */
export async function checkSync(
  defining: Defining,
  draft: SyncDraft,
  { version, grant, known }: Checking,
): Promise<CheckedSync> {
  const faults = [...directionFaults(draft), ...scheduleFaults(draft.schedule)]
  const pulled = draft.direction === 'pull' ? await checkPull(defining, draft, version) : null
  faults.push(...(pulled?.faults ?? targetFaults(draft.target ?? {})))
  if (grant && draft.columns) {
    faults.push(...columnFaults(draft.columns, grantedPaths(grant.fields, version.fields)))
  }
  const side = (draft.direction === 'pull' ? draft.source : draft.target) ?? {}
  const bound = await bindSide(defining, side, {
    known,
    mounted: pulled?.mounted ?? null,
    pointer: draft.direction === 'pull' ? '/source/settings' : '/target/settings',
  })
  faults.push(...bound.faults)
  if (bound.store) faults.push(...usageFaults(draft, bound.store))
  refuseFaults(faults, '同步任务有误,见各处说明 / The sync has faults')
  if (!bound.store) throw new Error('A sync without faults has no store')
  return { store: bound.store, adapter: side.adapter ?? null, source: side.source ?? null }
}

async function checkPull(
  { hub, stores }: Defining,
  draft: SyncDraft,
  version: VersionRow,
): Promise<{ mounted: KnownStore | null; faults: RequestFault[] }> {
  const mount = await stores.mounts.find(draft.resource)
  const mounted = mountedStore(mount, hub.keys)
  const { adapters } = hub.catalog
  const mapping = mappingOfPull(draft, {
    adapters,
    mounted: mount ? mappingOf(mount.mount, adapters) : null,
  })
  const faults = sourceFaults(draft.source ?? {}, { mounted, adapters })
  if (mapping) faults.push(...mappingFaults(mapping, version.fields))
  return { mounted, faults }
}

/** The store that the sync names, or the mount's where it names none. */
async function bindSide(
  { hub }: Defining,
  { connector, settings }: SyncStore,
  {
    known,
    mounted,
    pointer,
  }: { known: KnownStore | null; mounted: KnownStore | null; pointer: string },
): Promise<{ store: BoundStore | null; faults: readonly RequestFault[] }> {
  const named = connector !== undefined && settings !== undefined ? { connector, settings } : null
  if (!named && (connector !== undefined || settings !== undefined))
    return { store: null, faults: [] }
  const given = named ?? mounted
  if (given === null) return { store: null, faults: [] }
  const { filesDirs } = hub.config
  const { bound, faults } = await bindStore(given, {
    known: named ? known : null,
    pointer,
    filesDirs,
  })
  return { store: bound, faults }
}

interface Defined {
  staff: StaffCaller
  grant: Grant | null
  checked: CheckedSync
  department: string
}

async function toNewSync(
  { hub }: Defining,
  draft: SyncDraft,
  { staff, grant, checked, department }: Defined,
): Promise<NewSync> {
  const { connector, settings, bound } = checked.store
  const context = syncContext(draft.id)
  const sealed = await sealSettings(connector, settings, { keys: hub.keys, context })
  return {
    id: draft.id,
    title: draft.title ?? null,
    resource: draft.resource,
    direction: draft.direction,
    department,
    adapter: checked.adapter,
    source: checked.source,
    connector,
    ...sealed,
    origin: bound.origin,
    mode: draft.mode,
    cursor: draft.cursor ?? null,
    overlap: draft.cursor ? (draft.overlap ?? overlapDefault) : null,
    ...scheduleColumns(draft.schedule ?? null, hub.clock.now()),
    limits: draft.limits ?? {},
    errorLimit: draft.errorLimit ?? {},
    onDrift: draft.onDrift ?? 'pause',
    fewerThanShareMin: draft.fewerThanShareMin ?? 0.8,
    silentAfterHours: draft.silentAfterHours ?? null,
    priority: draft.priority ?? 5,
    mapping: draft.mapping ?? null,
    targetColumns: draft.columns ?? null,
    grantId: grant?.id ?? null,
    context: grant ? { operator: staff.id, ...draft.context } : {},
    createdBy: staff.id,
  }
}

/** The schedule as it is kept, with the first time after `now`. */
export function scheduleColumns(
  schedule: SyncDraft['schedule'],
  now: Date,
): Pick<NewSync, 'cron' | 'timezone' | 'nextDueAt'> {
  if (!schedule) return { cron: null, timezone: null, nextDueAt: null }
  const { cron, timezone = syncLimits.timezone } = schedule
  return { cron, timezone, nextDueAt: nextDue(cron, timezone, now)?.toISOString() ?? null }
}
