import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { ServedResource } from '../catalog/served-resource.ts'

/** What a sync says of how its rows become records: a mapping of its own, or an adapter's source. */
export interface SyncMappingFacts {
  mapping: Mapping | null
  adapter: string | null
  source: string | null
}

/** The mapping that a sync's rows go through: its own, its adapter's, or the mount's; null: none is needed. */
export function mappingOfSync(
  { mapping, adapter, source }: SyncMappingFacts,
  served: ServedResource,
  ofAdapter: (adapter: string, source: string) => Mapping | null,
): Mapping | null {
  if (mapping !== null) return mapping
  if (adapter !== null && source !== null) return ofAdapter(adapter, source)
  return served.mapping
}
