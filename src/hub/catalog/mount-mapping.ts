import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { Mount } from '../../../schemas/api/mounts.ts'
import type { Field } from '../../../schemas/field.ts'
import { codeTables } from '../../../schemas/library.ts'
import { compileMapping } from '../../exchange/mapping/index.ts'
import { divisionEver } from '../../shared/divisions.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'

/** What departments' adapters bring: the mapping of one of their sources, or null where there is none. */
export interface AdapterMappings {
  mapping(adapter: string, source: string): Mapping | null
}

/** The mapping that a mount stands for; null when it has none, or its adapter has none any more. */
export function mappingOf(mount: Mount, adapters: AdapterMappings): Mapping | null {
  if ('mapping' in mount) return mount.mapping
  return 'adapter' in mount ? adapters.mapping(mount.adapter, mount.source) : null
}

/** Every fault of a mapping that is to fill these fields, its pointers below `/mapping`. */
export function mappingFaults(mapping: Mapping, fields: readonly Field[]): readonly RequestFault[] {
  try {
    const divisions = { has: (code: string) => divisionEver(code) !== 'never-existed' }
    compileMapping(mapping, { fields, codeTables: codeTables(), divisions })
    return []
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.errors.map(({ pointer, ...rest }) => ({ pointer: `/mapping${pointer}`, ...rest }))
  }
}
