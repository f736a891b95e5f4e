import type { Resource, ResourceSummary, ResourceVersion } from '../../../schemas/api/resources.ts'
import type { Field } from '../../../schemas/field.ts'
import type { Strictness } from '../../exchange/checks/judge.ts'
import type { ListedRow } from './listing-store.ts'
import type { KeptDraft, ResourceRow } from './resource-rows.ts'
import type { ListedVersion } from './resource-store.ts'
import type { Seen } from './visibility.ts'

/** Lenient where the provider is the authoritative source: refusing its rows would make the hub wrong. */
export const strictnessOf = ({ strictness, authoritative }: KeptDraft): Strictness =>
  strictness ?? (authoritative === true ? 'lenient' : 'strict')

/** A resource as those answer it who see what is worked on. */
export const workingResource = (row: ResourceRow): Resource => toResource({ face: 'working', row })

export function toResource(seen: Seen): Resource {
  const { draft, fields, keys } = seen.face === 'working' ? seen.row : seen.version
  const { assessments } = draft
  return {
    ...toSummary({ ...seen.row, draft, face: seen.face }),
    ...(seen.face === 'working' && assessments && { assessments }),
    fields,
    keys,
  }
}

export function toSummary(row: ListedRow): ResourceSummary {
  const { assessments: _assessments, ...draft } = row.draft
  const isPublished = row.face === 'published'
  return {
    ...draft,
    authoritative: draft.authoritative === true,
    code: row.code,
    state: isPublished ? 'published' : row.state,
    version: isPublished ? (row.published_version ?? row.version) : row.version,
    publishedVersion: row.published_version,
    publishedAt: row.published_at,
    strictness: strictnessOf(draft),
    isMounted: row.is_mounted,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

export const toVersion = (row: ListedVersion, served: number | null): ResourceVersion => ({
  version: row.version,
  title: row.draft.title,
  shareType: row.draft.share.type,
  fieldCount: row.field_count,
  isServed: row.version === served,
  publishedAt: row.published_at,
  publishedBy: row.published_by,
})

/** The fields that somebody reads who sees this side. */
export const fieldsSeen = (seen: Seen): readonly Field[] =>
  seen.face === 'working' ? seen.row.fields : seen.version.fields
