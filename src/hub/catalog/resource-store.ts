import type { Knex } from 'knex'
import type { ResourceState, ResourceStep } from '../../../schemas/api/resources.ts'
import type { PageRequest } from '../http/cursors.ts'
import { codeTaken } from '../identity/code-taken.ts'
import { codeSequence } from './code-sequence.ts'
import { listingStore } from './listing-store.ts'
import type { KeptDraft, ResourceRow, Shape, VersionRow } from './resource-rows.ts'

/** What a draft or an edit writes. */
export interface KeptResource extends Shape {
  code: string
  draft: KeptDraft
}

export interface TakenStep {
  action: ResourceStep['action']
  from: ResourceState | null
  to: ResourceState
  staff: string
  comment: string | null
  isBypassed: boolean
  version: number
}

export const resourceStore = (db: Knex) => ({
  ...codeSequence(db),
  ...listingStore(db),
  ...versionStore(db),
  ...stepStore(db),

  find: (id: string): Promise<ResourceRow | undefined> => selectRow(db, id),

  /**
   * Nobody else changes the resource until the transaction ends. Rows that refer to it may still be
   * added: a landing batch does so while it holds the merge lock that publishing waits for.
   */
  lock: async (id: string): Promise<void> => {
    await db.raw('select from hub.resources where id = ? for no key update', [id])
  },

  /** An id that was ever given is `code-taken`. */
  insert: async (kept: KeptResource): Promise<void> => {
    const { id } = kept.draft
    await codeTaken(`资源 ${id}`, async () =>
      db('hub.resources').insert({ id, state: 'draft', ...toColumns(kept) }),
    )
  },

  update: (id: string, kept: KeptResource): Promise<number> =>
    db('hub.resources')
      .where({ id })
      .update({ ...toColumns(kept), updated_at: db.fn.now(3) }),

  setState: (id: string, state: ResourceState): Promise<number> =>
    db('hub.resources')
      .where({ id })
      .update({ state, updated_at: db.fn.now(3) }),

  /** Back to a draft of the next version. */
  beginVersion: (id: string, version: number): Promise<number> =>
    db('hub.resources')
      .where({ id })
      .update({ state: 'draft', version, updated_at: db.fn.now(3) }),

  endServing: (id: string): Promise<number> =>
    db('hub.resources')
      .where({ id })
      .update({ state: 'withdrawn', published_version: null, updated_at: db.fn.now(3) }),
})

export type ResourceStore = ReturnType<typeof resourceStore>

const selectRow = async (db: Knex, id: string): Promise<ResourceRow | undefined> => {
  const { rows } = await db.raw<{ rows: ResourceRow[] }>(
    `select r.*, exists (select from hub.mounts m where m.resource = r.id) as is_mounted
     from hub.resources r where r.id = ?`,
    [id],
  )
  return rows[0]
}

function toColumns({ code, draft, fields, keys }: KeptResource) {
  return {
    code,
    provider: draft.provider,
    standard: draft.standard ?? null,
    title: draft.title,
    share_type: draft.share.type,
    draft: JSON.stringify(draft),
    fields: JSON.stringify(fields),
    keys: JSON.stringify(keys),
  }
}

/** A version in a list: how many fields it has, not which. */
export type ListedVersion = Omit<VersionRow, keyof Shape> & { field_count: number }

const versionStore = (db: Knex) => ({
  version: (resource: string, version: number): Promise<VersionRow | undefined> =>
    db<VersionRow & { resource: string }>('hub.resource_versions')
      .where({ resource, version })
      .first(),

  /** The last version that was ever published, also of a withdrawn resource. */
  lastVersion: (resource: string): Promise<VersionRow | undefined> =>
    db<VersionRow & { resource: string }>('hub.resource_versions')
      .where({ resource })
      .orderBy('version', 'desc')
      .first(),

  /** Newest first, `limit + 1` at most; `after` is the version behind which the page begins. */
  listVersions: async (
    resource: string,
    limit: number,
    after: number | null,
  ): Promise<ListedVersion[]> => {
    const { rows } = await db.raw<{ rows: ListedVersion[] }>(
      `select version, draft, published_at, published_by, jsonb_array_length(fields) as field_count
       from hub.resource_versions where resource = ? and version < ?
       order by version desc limit ?`,
      [resource, after ?? 2 ** 31 - 1, limit + 1],
    )
    return rows
  },

  /** Freezes what is worked on as its version, which is served from now on. */
  publishVersion: async (id: string, staff: string): Promise<void> => {
    await db.raw(
      `insert into hub.resource_versions (resource, version, draft, fields, keys, published_by)
       select id, version, draft, fields, keys, ? from hub.resources where id = ?`,
      [staff, id],
    )
    await db.raw(
      `update hub.resources set state = 'published', published_version = version,
         published_at = now(), updated_at = now() where id = ?`,
      [id],
    )
  },
})

interface StepRow {
  id: number
  action: ResourceStep['action']
  from_state: ResourceState | null
  to_state: ResourceState
  staff: string
  comment: string | null
  bypassed: boolean
  version: number
  at: string
}

const stepStore = (db: Knex) => ({
  addStep: async (resource: string, step: TakenStep): Promise<void> => {
    const { action, from, to, staff, comment, isBypassed, version } = step
    await db('hub.resource_transitions').insert({
      resource,
      action,
      staff,
      comment,
      version,
      from_state: from,
      to_state: to,
      bypassed: isBypassed,
    })
  },

  /** What this member of staff has done for this version, each kind of step once. */
  stepsOf: async (resource: string, version: number, staff: string) =>
    db('hub.resource_transitions')
      .where({ resource, version, staff })
      .distinct<Pick<StepRow, 'action' | 'from_state'>[]>('action', 'from_state'),

  /** Newest first, `limit + 1` at most. */
  listSteps: async (resource: string, { limit, after }: PageRequest): Promise<StepRow[]> => {
    const query = db<StepRow & { resource: string }>('hub.resource_transitions')
      .where({ resource })
      .orderBy('id', 'desc')
      .limit(limit + 1)
    if (after !== null) query.where('id', '<', Number(after))
    return query
  },
})
