import type { Knex } from 'knex'
import type { ResourceQuery, ResourceState } from '../../../schemas/api/resources.ts'
import type { PageRequest } from '../http/cursors.ts'
import type { Face, KeptDraft, ResourceRow, Shape } from './resource-rows.ts'
import { searchText, searchWords, standardsWith } from './search-text.ts'
import type { Sight } from './visibility.ts'

/** A resource in a list: a row without fields, and which side of it the caller sees. */
export type ListedRow = Omit<ResourceRow, keyof Shape> & { face: Face }

export interface Listing extends Shape {
  code: string
  draft: KeptDraft
  state: ResourceState
}

type Filter = Omit<ResourceQuery, 'limit' | 'after'>

/** What the search looks through (`hub.resource_listings`), and the search itself. */
export const listingStore = (db: Knex) => ({
  list: async (face: Face, { code, draft, fields, state }: Listing): Promise<void> => {
    const row = {
      provider: draft.provider,
      class: draft.category.class,
      share_type: draft.share.type,
      state,
      standard: draft.standard ?? null,
      text: searchText(draft, code, fields),
    }
    await db('hub.resource_listings')
      .insert({ resource: draft.id, face, ...row })
      .onConflict(['resource', 'face'])
      .merge(row)
  },

  setListedState: (resource: string, state: ResourceState): Promise<number> =>
    db('hub.resource_listings').where({ resource, face: 'working' }).update({ state }),

  unlist: (resource: string): Promise<number> =>
    db('hub.resource_listings').where({ resource, face: 'published' }).delete(),

  /** In order of id, `limit + 1` at most: each resource once, from the side that the caller sees. */
  search: async (sight: Sight, filter: Filter, page: PageRequest): Promise<ListedRow[]> => {
    const found = db('hub.resource_listings as l')
      .select('l.resource', 'l.face')
      .orderBy('l.resource')
      .limit(page.limit + 1)
    if (page.after !== null) found.where('l.resource', '>', page.after)
    narrowToSight(found, sight)
    narrowToFilter(found, filter)
    return db
      .with('found', found)
      .select(
        'r.id',
        'r.number',
        'r.code',
        'r.provider',
        'r.state',
        'r.version',
        'f.face',
        'r.published_version',
        'r.published_at',
        'r.created_at',
        'r.updated_at',
        db.raw("case f.face when 'working' then r.draft else v.draft end as draft"),
        db.raw('exists (select from hub.mounts m where m.resource = r.id) as is_mounted'),
      )
      .from('found as f')
      .join('hub.resources as r', 'r.id', 'f.resource')
      .joinRaw(
        `left join hub.resource_versions v
         on f.face = 'published' and v.resource = r.id and v.version = r.published_version`,
      )
      .orderBy('f.resource')
  },
})

function narrowToSight(query: Knex.QueryBuilder, { drafts }: Sight): void {
  if (drafts === 'all') return void query.where('l.face', 'working')
  const published = (part: Knex.QueryBuilder): void =>
    void part.where('l.face', 'published').whereNot('l.share_type', 'not-shared')
  if (drafts === 'none') return published(query)
  query.where((either) => {
    either.where({ 'l.face': 'working', 'l.provider': drafts.of })
    either.orWhere((part) => {
      published(part)
      part.whereNot('l.provider', drafts.of)
    })
  })
}

function narrowToFilter(query: Knex.QueryBuilder, filter: Filter): void {
  const wanted = {
    'l.class': filter.class,
    'l.provider': filter.department,
    'l.share_type': filter.shareType,
    'l.state': filter.state,
    'l.standard': filter.standard,
  }
  for (const [column, value] of Object.entries(wanted)) {
    if (value !== undefined) query.where(column, value)
  }
  for (const word of searchWords(filter.q ?? '')) {
    query.where((either) => {
      either.whereRaw('strpos(l.text, ?) > 0', [word])
      const standards = standardsWith(word)
      if (standards.length > 0) either.orWhereIn('l.standard', standards)
    })
  }
}
