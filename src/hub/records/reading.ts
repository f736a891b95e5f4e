import type { ServedResource } from '../catalog/served-resource.ts'
import { leavesOf } from './field-paths.ts'
import { isValueOf } from './find-keys.ts'
import { type Selection, selectFields } from './select-fields.ts'
import { isAmong, type Parameters, rowSource, type Source } from './sql-conditions.ts'

/** What a call may see of a resource, whoever decided it: columns, rows and masks. */
export interface ReadingScope {
  columns: readonly string[]
  rows: Readonly<Record<string, readonly string[]>> | null
  unflaggedOnly: boolean
  /** A record with masked values shown; absent where nothing is masked. */
  mask?: ((record: Record<string, unknown>) => Record<string, unknown>) | undefined
}

/** A scope over one version of a resource, compiled: what every statement is put together from. */
export interface Reading {
  served: ServedResource
  selection: Selection
  mask: ReadingScope['mask']
  /** Whether a row is within the scope, by the values that `source` reaches; null: every row is. */
  withinRows(parameters: Parameters, source: Source): string | null
  unflaggedOnly: boolean
  /** Whether some records that are not deleted lie outside. */
  isPartial: boolean
  /** Of `alias`: not deleted, within the rows, unflagged where only those are granted. */
  visible(parameters: Parameters, alias: string): string
  /** Select list of a found record: system cells, then the granted fields. */
  cells(alias: string): string
  /** The same for many records, of which the log is told no hash. */
  cellsOfMany(alias: string): string
}

export function compileReading(served: ServedResource, scope: ReadingScope): Reading {
  const selection = selectFields(served.fields, scope.columns)
  const withinRows = compileRows(served, scope.rows)
  return {
    served,
    selection,
    mask: scope.mask,
    withinRows,
    unflaggedOnly: scope.unflaggedOnly,
    isPartial: scope.unflaggedOnly || Object.keys(scope.rows ?? {}).length > 0,
    visible: (parameters, alias) => {
      const rows = withinRows(parameters, rowSource(alias))
      const parts = [`${alias}._status <> 'deleted'`]
      if (rows !== null) parts.push(rows)
      if (scope.unflaggedOnly) parts.push(`${alias}._quality is null and ${alias}._flags is null`)
      return parts.join(' and ')
    },
    cells: (alias) => [...systemCells(alias), ...selection.expressions(alias)].join(', '),
    cellsOfMany: (alias) =>
      [...systemCells(alias).with(hashAt, `''`), ...selection.expressions(alias)].join(', '),
  }
}

function compileRows(served: ServedResource, rows: ReadingScope['rows']): Reading['withinRows'] {
  const limits = Object.entries(rows ?? {})
  if (limits.length === 0) return () => null
  const leaves = leavesOf(served.fields)
  return (parameters, source) =>
    limits
      .map(([path, values]) => {
        const leaf = leaves.get(path)
        // A limit that names no field must show nothing rather than everything.
        return leaf ? isAmong(leaf, parameters.add(values), source) : 'false'
      })
      .join(' and ')
}

/** Only the codes of quality entries: their raw values may hold what no grant names. */
const systemCells = (alias: string): string[] => [
  `${alias}._key`,
  `${alias}._status`,
  `${alias}._seq`,
  `encode(${alias}._hash, 'hex')`,
  `${alias}._run`,
  `${alias}._received_at`,
  `case when ${alias}._quality is not null then jsonb_path_query_array(${alias}._quality, '$[*].code') end`,
  `${alias}._flags`,
]
const hashAt = 3
export const systemCellCount = 8

/** A record as found: what the log is told of it, and its granted values as they are. */
export interface FoundRecord {
  /** The merge key; shown to nobody but the log. */
  key: string
  status: string
  seq: number
  /** Hexadecimal. */
  hash: string
  /** Unmasked: they leave the hub through `answerJson` and `deliveredValues` alone. */
  values: Record<string, unknown>
  cells: readonly unknown[]
  offset: number
}

/** The flag codes of a record, as `meta.quality` has them. */
export const flagsOf = ({ cells, offset }: FoundRecord): string[] => qualityOf(cells, offset)

/** Reads a found row's cells, beginning at `offset`. */
export const readFound = (
  { selection }: Reading,
  cells: readonly unknown[],
  offset: number,
): FoundRecord => ({
  key: String(cells[offset]),
  status: String(cells[offset + 1]),
  seq: Number(cells[offset + 2]),
  hash: String(cells[offset + 3]),
  values: selection.record(cells, offset + systemCellCount),
  cells,
  offset,
})

/** Masked: the only way in which a record becomes part of a delivery. Fields without a value are left out. */
export const deliveredValues = (
  { mask }: Reading,
  { values }: FoundRecord,
): Readonly<Record<string, unknown>> => (mask ? mask(values) : values)

/** `{"record": …, "meta": …}`, masked: the only way in which a record becomes part of an answer. */
export function answerJson(reading: Reading, found: FoundRecord): string {
  const { served } = reading
  return `{"record":${JSON.stringify(deliveredValues(reading, found))},"meta":${metaJson(served, found.cells, found.offset)}}`
}

const metaHeads = new WeakMap<ServedResource, string>()

/** Slugs, statuses, row codes, UUIDs and instants need no escaping; written once, not by a serialiser. */
function metaJson(served: ServedResource, row: readonly unknown[], offset: number): string {
  const head =
    metaHeads.get(served) ?? `{"resource":"${served.id}","version":${served.version},"status":"`
  metaHeads.set(served, head)
  const quality = qualityOf(row, offset)
  const codes = quality.length === 0 ? '[]' : JSON.stringify(quality)
  const source = `{"department":"${served.provider}","runId":"${textOf(row[offset + 4])}"}`
  return `${head}${textOf(row[offset + 1])}","quality":${codes},"source":${source},"updatedAt":"${textOf(row[offset + 5])}","seq":${textOf(row[offset + 2])}}`
}

/** The flag codes of a found row, each once: of its own faults, then of what no row knows of. */
function qualityOf(row: readonly unknown[], offset: number): string[] {
  const [own, raised] = [row[offset + 6], row[offset + 7]]
  if (!Array.isArray(own) && !Array.isArray(raised)) return []
  return [...new Set([...listOf(own), ...listOf(raised)])]
}

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value : [])
const textOf = (value: unknown): string => String(value)

/**
 * Whether the key of a change must be hidden, as SQL over `alias`: where it is a value of a field that
 * is masked, or guarded and not granted (pitfalls, 10). Null: never. A merge key that can come from
 * several fields is judged record by record.
 */
export function hiddenKey(
  served: ServedResource,
  isOpen: (path: string) => boolean,
  alias: string,
): string | null {
  const sets = served.keys.map((fields) => ({ fields, isOpen: fields.every(isOpen) }))
  const closed = sets.filter(({ isOpen }) => !isOpen)
  if (closed.length === 0) return null
  if (closed.length === sets.length) return 'true'
  const lookups = new Set(served.fields.filter(({ lookup }) => lookup).map(({ name }) => name))
  const tests = closed.map(({ fields: [name, ...rest] }) =>
    name !== undefined && rest.length === 0 && lookups.has(name)
      ? isValueOf(served, name, alias)
      : 'true',
  )
  return `(${tests.join(' or ')})`
}
