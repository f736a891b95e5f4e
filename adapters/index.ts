/** The departments' adapters: one line each. A mount refers to `{ adapter, source }` by these ids. */
import type { Mapping } from '../schemas/api/mapping.ts'
import type { Adapter, AdapterSource } from './adapter.ts'
import { administrativeApproval } from './administrative-approval/adapter.ts'
import { marketRegulation } from './market-regulation/adapter.ts'
import { naturalResources } from './natural-resources/adapter.ts'
import { publicSecurity } from './public-security/adapter.ts'

export type { Adapter, AdapterSource } from './adapter.ts'

const all: readonly Adapter[] = [
  publicSecurity,
  marketRegulation,
  naturalResources,
  administrativeApproval,
]

/** The adapters by id. */
export const adapters: ReadonlyMap<string, Adapter> = new Map(
  all.map((adapter) => [adapter.id, adapter]),
)

/** One source of an adapter, or null where either is unknown. */
export function sourceOf(adapter: string, source: string): AdapterSource | null {
  const sources = adapters.get(adapter)?.sources
  return sources && Object.hasOwn(sources, source) ? (sources[source] ?? null) : null
}

/** The mapping of a source, or null where the adapter or the source is unknown. */
export const mappingOf = (adapter: string, source: string): Mapping | null =>
  sourceOf(adapter, source)?.mapping ?? null
