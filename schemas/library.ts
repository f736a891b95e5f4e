/**
 * The shipped standards and code tables, read from their folders: one more file there is one more
 * standard or table, and no line of code. Read synchronously, once, when first asked for.
 */
import { readFileSync, readdirSync } from 'node:fs'

export interface CodeEntry {
  readonly code: string
  readonly name: string
  readonly nameEn?: string
  /** Other names found in sources: short forms, old names. */
  readonly aliases?: readonly string[]
  /** The standard's second, alphabetic code (`HA`, `CHN`, `CNY`). */
  readonly letter?: string
  /** The nearest code of the same thing in other tables, by their ids. */
  readonly same?: Readonly<Record<string, string>>
}

export interface CodeTable {
  /** As a field's `codeTable` names it: `GB/T 2261.1`. */
  readonly id: string
  /** The file's name, for addresses: `gbt-2261-1`. */
  readonly slug: string
  readonly title: string
  readonly titleEn: string
  readonly source: string
  /** Whether the list was seen in a published source, follows from one, or is a working default. */
  readonly status: 'confirmed' | 'derived' | 'unconfirmed'
  /** The list is known to be incomplete, or has local additions: an unknown code is no fault. */
  readonly open?: boolean
  readonly note?: string
  readonly entries: readonly CodeEntry[]
}

/** `[code, name, firstSeen, lastSeen]`; what the months mean is said in the file's `format`. */
export type DivisionRow = readonly [string, string, string, string | null]

export interface DivisionHistory {
  readonly id: string
  readonly title: string
  readonly titleEn: string
  readonly source: string
  readonly licence: string
  readonly status: CodeTable['status']
  readonly format: string
  readonly made: string
  readonly entries: readonly DivisionRow[]
}

const divisionFile = 'divisions.json'

const once = <T>(read: () => T): (() => T) => {
  let kept: { value: T } | undefined
  return () => (kept ??= { value: read() }).value
}

const folder = (name: string): URL => new URL(`./${name}/`, import.meta.url)

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function readDocument(file: string, from: URL): object {
  const document: unknown = JSON.parse(readFileSync(new URL(file, from), 'utf8'))
  if (!isObject(document)) throw new Error(`${file} holds no object`)
  return document
}

const documents = (from: URL): [file: string, document: object][] =>
  readdirSync(from)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => [file, readDocument(file, from)])

/** The standards' documents by id, which is the file's name without `.json`. */
export const standardDocuments: () => ReadonlyMap<string, object> = once(
  () =>
    new Map(
      documents(folder('standards')).map(([file, document]) => [file.slice(0, -5), document]),
    ),
)

const isEntry = (entry: unknown): boolean =>
  isObject(entry) &&
  'code' in entry &&
  'name' in entry &&
  typeof entry.code === 'string' &&
  typeof entry.name === 'string'

const isCodeTable = (document: object): document is CodeTable =>
  'id' in document &&
  'slug' in document &&
  'entries' in document &&
  typeof document.id === 'string' &&
  Array.isArray(document.entries) &&
  document.entries.every(isEntry)

/** The file's table, so that a wrong file fails at start and by name. */
function tableOf(file: string, document: object): CodeTable {
  if (isCodeTable(document) && `${document.slug}.json` === file) return document
  throw new Error(`codes/${file} is no code table: id, slug = file name, entries`)
}

const isDivisionHistory = (document: object): document is DivisionHistory =>
  'entries' in document &&
  Array.isArray(document.entries) &&
  document.entries.every((row) => Array.isArray(row) && row.length === 4)

function readDivisions(): DivisionHistory {
  const document = readDocument(divisionFile, folder('codes'))
  if (isDivisionHistory(document)) return document
  throw new Error(`codes/${divisionFile} is no history of divisions`)
}

/** The code tables, each found by its id (`GB/T 2261.1`) and by its slug (`gbt-2261-1`). */
export const codeTables: () => ReadonlyMap<string, CodeTable> = once(() => {
  const tables = documents(folder('codes'))
    .filter(([file]) => file !== divisionFile)
    .map(([file, document]) => tableOf(file, document))
  return new Map(tables.flatMap((table) => [[table.id, table] as const, [table.slug, table]]))
})

/** The division codes ever published, with the months in which lists carried them. */
export const divisionHistory: () => DivisionHistory = once(readDivisions)
