import type { Field, Standard } from '../../schemas/field.ts'
import type { CodeTable } from '../../schemas/library.ts'
import type { Mapping } from '../../schemas/api/mapping.ts'
import { divisionEver } from '../shared/divisions.ts'
import { compileChecks, type Judged } from './checks/index.ts'
import { compileIdentity, compileMapping, type CompiledMapping } from './mapping/index.ts'
import type { DecodedRow, MappedRow } from './types.ts'
import type { Strictness } from './checks/judge.ts'

/** What a pipeline is compiled from: a resource version and its mount. */
export interface PipelineTarget {
  fields: readonly Field[]
  keys: readonly (readonly string[])[]
  standard: Standard | null
  strictness: Strictness
  codeTables: ReadonlyMap<string, CodeTable>
  mapping: Mapping | null
  /** How cells arrive where there is no mapping: as text (CSV) or as JSON values. */
  cells: 'text' | 'json'
}

/** The row pipeline of one resource and mount: map and check, compiled once, the same for every way in. */
export interface Pipeline {
  mapping: CompiledMapping
  map(row: DecodedRow): MappedRow | null
  judge(row: MappedRow, today: string): Judged
  /** What rows of one record share before they are judged, or null: the composed key, or the first whole one. */
  joinKey(row: MappedRow): string | null
}

/** Codes of abolished divisions are codes too: sources are older than today's list. */
const everKnown = { has: (code: string): boolean => divisionEver(code) !== 'never-existed' }

export function compilePipeline(target: PipelineTarget): Pipeline {
  const mapping =
    target.mapping === null
      ? compileIdentity(target.fields, { cells: target.cells })
      : compileMapping(target.mapping, { ...target, divisions: everKnown })
  const judge = compileChecks(target)
  return {
    mapping,
    map: (decoded) => (decoded.row === undefined ? null : mapping.map(decoded.row)),
    judge,
    joinKey: (row) => row.key ?? firstWholeKey(target.keys, row.values),
  }
}

function firstWholeKey(
  keys: readonly (readonly string[])[],
  values: Record<string, unknown>,
): string | null {
  const whole = keys.find((names) => names.every((name) => values[name] != null))
  return whole === undefined ? null : JSON.stringify(whole.map((name) => values[name]))
}
