import type { Field } from '../../../schemas/field.ts'
import type { ResourceDraft, ResourceState } from '../../../schemas/api/resources.ts'

/** A draft as it is kept: without fields, which are kept resolved, and with nothing the row itself has. */
export type KeptDraft = Omit<ResourceDraft, 'fields' | 'code'>

/** What a draft says of its records, the standard's part included. */
export interface Shape {
  fields: readonly Field[]
  keys: readonly (readonly string[])[]
}

/** A row of `hub.resources`, and whether it is mounted. */
export interface ResourceRow extends Shape {
  id: string
  number: number
  code: string
  provider: string
  state: ResourceState
  version: number
  published_version: number | null
  published_at: string | null
  draft: KeptDraft
  created_at: string
  updated_at: string
  is_mounted: boolean
}

/** A row of `hub.resource_versions`. */
export interface VersionRow extends Shape {
  version: number
  draft: KeptDraft
  published_at: string
  published_by: string
}

/** Which side of a resource somebody sees: what is worked on, or what is published. */
export type Face = 'working' | 'published'
