/**
 * An adapter (适配器) is one department's module: its sources, each with the mapping that makes records of
 * a standard out of its rows, and a sample to try both on. It is data more than code.
 */
import { Check } from 'typebox/value'
import { Mapping } from '../schemas/api/mapping.ts'
import type { RowMediaType } from '../src/exchange/decode/decode-rows.ts'

/** One table, view or file of a department. */
export interface AdapterSource {
  /** Chinese title. */
  title: string
  titleEn: string
  /** Id of the standard that its rows are mapped to: `population`. */
  standard: string
  mapping: Mapping
  /** A file of invented rows in the source's own columns. */
  sample: URL
  mediaType: RowMediaType
  /** Column → what it is called in Chinese, in the order of the source. */
  columns: Readonly<Record<string, string>>
}

export interface Adapter {
  /** The folder's name, and the word by which a mount refers to it. */
  id: string
  title: string
  titleEn: string
  /** Id of the department that the sources belong to. */
  department: string
  sources: Readonly<Record<string, AdapterSource>>
}

/** An adapter as it is written: its mappings come from JSON files, of which TypeScript knows little. */
export interface AdapterDraft extends Omit<Adapter, 'sources'> {
  sources: Readonly<Record<string, Omit<AdapterSource, 'mapping'> & { mapping: unknown }>>
}

const isMapping = (value: unknown): value is Mapping => Check(Mapping, value)

/**
 * The adapter with its mappings read. Throws an Error that names the source whose mapping has the wrong
 * shape; whether it fits its standard is told by `compileMapping`, since only that knows the fields.
 */
export function defineAdapter(draft: AdapterDraft): Adapter {
  const sources = Object.entries(draft.sources).map(([name, source]): [string, AdapterSource] => {
    const { mapping } = source
    if (!isMapping(mapping)) throw new Error(`The mapping of ${draft.id}/${name} has a wrong shape`)
    return [name, { ...source, mapping }]
  })
  return { ...draft, sources: Object.fromEntries(sources) }
}
