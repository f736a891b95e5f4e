import type { Mapping } from '../../../schemas/api/mapping.ts'
import { codeTables } from '../../../schemas/library.ts'
import { compilePipeline, type Pipeline } from '../../exchange/pipeline.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import { compileEncoder, type EncodedRow, type LandingRow } from '../records/encode.ts'
import { compileMerge, type Merge } from '../records/merge.ts'

/** A resource compiled for intake. */
export interface IntakeResource {
  served: ServedResource
  merge: Merge
  encode: (row: LandingRow, ordinal: number) => EncodedRow
  /** A fresh pipeline: it counts unmapped values, so that each run has its own. A sync may bring its mapping. */
  pipeline(cells: 'text' | 'json', mapping?: Mapping | null): Pipeline
}

const compiled = new WeakMap<ServedResource, IntakeResource>()

/** Compiled once per version and mount: the served object is new whenever one of them changes. */
export function intakeResource(served: ServedResource): IntakeResource {
  const known = compiled.get(served)
  if (known) return known
  const made: IntakeResource = {
    served,
    merge: compileMerge(served.table),
    encode: compileEncoder(served.fields),
    pipeline: (cells, mapping = served.mapping) =>
      compilePipeline({ ...served, mapping, codeTables: codeTables(), cells }),
  }
  compiled.set(served, made)
  return made
}
