import type { Pool } from 'pg'
import type { Field } from '../../../schemas/field.ts'
import type { Mount } from '../../../schemas/api/mounts.ts'
import { standards } from '../../shared/standards.ts'
import { type AdapterMappings, mappingOf } from './mount-mapping.ts'
import { recordTable } from './record-tables.ts'
import type { KeptDraft, Shape } from './resource-rows.ts'
import type { ServedResource } from './served-resource.ts'
import { strictnessOf } from './views.ts'

/*
 *   unknown ──read──▶ believed ──1 s, or a notification──▶ doubted ──same versions──▶ believed
 *      ▲                                                      │
 *      └──────────────another version, or withdrawn───────────┘
 *
 * A half-open connection misses notifications, so nothing is believed for longer than a second without
 * asking the database for the two versions. A landing batch compares the version again under its lock.
 */
const believedMsMax = 1000

/** The time of a check that has not been made. */
const never = Number.NEGATIVE_INFINITY

/** Resources held at once; one more pushes out the one that was asked for least recently. */
const heldMax = 2000

export interface ServedResources {
  /** The resource as it is served now; null when it is not published, or not shared. */
  served: (id: string) => Promise<ServedResource | null>
  /**
   * As it is served, or was when it was withdrawn: its records and their numbers outlive the service, for
   * whoever asks who looked at them. Null for what never had records. Nothing may be taken out by it.
   */
  lastServed: (id: string) => Promise<ServedResource | null>
  /** Asks anew for one resource, or for all of them where notifications may have been missed. */
  clear: (id?: string) => void
}

export interface ServedParts {
  pool: Pool
  adapters: AdapterMappings
  /** A clock that never goes back. */
  nowMs: () => number
}

interface Held {
  resource: ServedResource
  checkedAtMs: number
}

export function servedResources({ pool, adapters, nowMs }: ServedParts): ServedResources {
  const held = new Map<string, Held>()
  const reading = new Map<string, Promise<ServedResource | null>>()
  let generation = 0

  const read = async (id: string): Promise<ServedResource | null> => {
    const checkedAtMs = nowMs()
    const readIn = generation
    const known = held.get(id)?.resource
    const isSame = known !== undefined && (await isStillServed(pool, known))
    const resource = isSame ? known : await readServed(pool, adapters, id)
    const isDoubted = readIn !== generation
    // Told of a change meanwhile: what was read may be older, and never displaces what was read since.
    if (isDoubted && held.has(id)) return resource
    held.delete(id)
    if (resource) hold(held, { resource, checkedAtMs: isDoubted ? never : checkedAtMs })
    return resource
  }

  const served = (id: string): Promise<ServedResource | null> => {
    const known = held.get(id)
    if (known && nowMs() - known.checkedAtMs < believedMsMax) return Promise.resolve(known.resource)
    const underWay = reading.get(id)
    if (underWay) return underWay
    const begun = read(id).finally(() => {
      if (reading.get(id) === begun) reading.delete(id)
    })
    reading.set(id, begun)
    return begun
  }

  return {
    served,
    lastServed: async (id) => (await served(id)) ?? readLastServed(pool, adapters, id),
    clear: (id) => {
      generation += 1
      reading.clear()
      const doubted = id === undefined ? [...held.values()] : [held.get(id)]
      // Kept, so that what was compiled from it is kept too when nothing has changed after all.
      for (const one of doubted) if (one) one.checkedAtMs = never
    },
  }
}

function hold(held: Map<string, Held>, one: Held): void {
  if (held.size >= heldMax) {
    const oldest = held.keys().next()
    if (!oldest.done) held.delete(oldest.value)
  }
  held.set(one.resource.id, one)
}

async function isStillServed(
  pool: Pool,
  { id, version, mountVersion }: ServedResource,
): Promise<boolean> {
  const { rows } = await pool.query<{ version: number | null; mount_version: number }>({
    name: 'check-served-resource',
    text: `select r.published_version as version, coalesce(m.version, 0) as mount_version
      from hub.resources r left join hub.mounts m on m.resource = r.id where r.id = $1`,
    values: [id],
  })
  return rows[0]?.version === version && rows[0].mount_version === mountVersion
}

interface ServedRow extends Shape {
  id: string
  number: number
  provider: string
  version: number
  draft: KeptDraft
  mount: Mount | null
  mount_version: number
}

async function readServed(
  pool: Pool,
  adapters: AdapterMappings,
  id: string,
): Promise<ServedResource | null> {
  const { rows } = await pool.query<ServedRow>({
    name: 'read-served-resource',
    text: `select r.id, r.number, r.provider, v.version, v.draft, v.fields, v.keys,
        m.mount, coalesce(m.version, 0) as mount_version
      from hub.resources r
      join hub.resource_versions v on v.resource = r.id and v.version = r.published_version
      left join hub.mounts m on m.resource = r.id
      where r.id = $1`,
    values: [id],
  })
  const [row] = rows
  return row && row.draft.share.type !== 'not-shared' ? toServed(row, adapters) : null
}

/** The last version that was shared, whatever has become of the resource since. Rare, so never held. */
async function readLastServed(
  pool: Pool,
  adapters: AdapterMappings,
  id: string,
): Promise<ServedResource | null> {
  const { rows } = await pool.query<ServedRow>(
    `select r.id, r.number, r.provider, v.version, v.draft, v.fields, v.keys,
        m.mount, coalesce(m.version, 0) as mount_version
      from hub.resources r
      join hub.resource_versions v on v.resource = r.id
      left join hub.mounts m on m.resource = r.id
      where r.id = $1 and v.draft->'share'->>'type' <> 'not-shared'
      order by v.version desc limit 1`,
    [id],
  )
  return rows[0] ? toServed(rows[0], adapters) : null
}

function toServed(row: ServedRow, adapters: AdapterMappings): ServedResource {
  const { id, number, provider, version, draft, fields, keys, mount } = row
  freezeFields(fields)
  return Object.freeze({
    id,
    number,
    provider,
    version,
    fields,
    keys,
    title: draft.title,
    shareType: draft.share.type,
    strictness: strictnessOf(draft),
    standard: (draft.standard === undefined ? undefined : standards().get(draft.standard)) ?? null,
    mapping: mount && mappingOf(mount, adapters),
    mountVersion: row.mount_version,
    table: Object.freeze(recordTable(number, row)),
  })
}

function freezeFields(fields: readonly Field[]): void {
  for (const field of fields) {
    if (field.fields) freezeFields(field.fields)
    Object.freeze(field)
  }
  Object.freeze(fields)
}
