import type { KeyObject } from 'node:crypto'
import type pg from 'pg'
import type { ServedResource } from '../catalog/served-resource.ts'
import { leafField, type Leaf, leavesOf } from '../records/field-paths.ts'
import { storedForm } from '../records/find-keys.ts'
import { aliasesName, historyName, quoted, recordsName } from '../records/record-table.ts'
import { literal } from '../records/sql-conditions.ts'
import { hashSubject } from './keys.ts'

/** Names that one request looks for at most; a person has a handful. */
export const subjectNamesMax = 2000

interface Name {
  value: string
  field: string
}

/**
 * Every form in which somebody may have asked for a record: its merge keys, the values by which it is or was
 * found (former numbers, former versions), each bare and as `<field>:<value>`, and the key as asked now. A look
 * that was refused or found nothing is in the log under the key as it was typed, for nobody knew the record.
 */
export async function subjectNames(
  pool: Pick<pg.Pool, 'query'>,
  served: ServedResource,
  { key, mergeKeys }: { key: string; mergeKeys: readonly string[] },
): Promise<string[]> {
  const fields = namedFields(served)
  const known = mergeKeys.length === 0 ? [] : await readNames(pool, served, mergeKeys)
  const forms = [
    key,
    ...askedForms(key, fields),
    ...mergeKeys.flatMap((mergeKey) => [mergeKey, ...fields.map((name) => `${name}:${mergeKey}`)]),
    ...known.flatMap(({ value, field }) => typedForms(value, field)),
  ]
  return [...new Set(forms)].slice(0, subjectNamesMax)
}

/** What a key that names a field, or none, may be typed as: with any of the fields and without. */
function askedForms(key: string, fields: readonly string[]): string[] {
  const named = fields.find((field) => key.startsWith(`${field}:`))
  const value = named === undefined ? key : key.slice(named.length + 1)
  const bare = [...new Set([value, storedForm(value)])]
  const asked = named === undefined ? fields : [named]
  return bare.flatMap((form) => asked.flatMap((field) => typedForms(form, field)))
}

/** The check letter of a citizen's number is stored large and as often typed small. */
const typedForms = (value: string, field: string): string[] => {
  const spellings = /^\d{17}X$/.test(value) ? [value, value.toLowerCase()] : [value]
  return spellings.flatMap((spelling) => [spelling, `${field}:${spelling}`])
}

const lookupLeaves = ({ fields }: ServedResource): Leaf[] =>
  [...leavesOf(fields).values()].filter((leaf) => leafField(leaf).lookup === true)

/** What may stand before the colon of a key: look-up fields, and the field of a merge key that has but one. */
function namedFields(served: ServedResource): string[] {
  const sole = served.keys.flatMap((key) => (key.length === 1 ? key : []))
  return [...new Set([...lookupLeaves(served).map(({ path }) => path), ...sole])]
}

async function readNames(
  pool: Pick<pg.Pool, 'query'>,
  served: ServedResource,
  mergeKeys: readonly string[],
): Promise<Name[]> {
  const leaves = lookupLeaves(served)
  const tables = [recordsName(served.number)]
  if (served.table.history) tables.push(historyName(served.number))
  const values = tables.flatMap((table) => leaves.map((leaf) => valuesOf(leaf, table)))
  const aliases = `select value, field from ${aliasesName(served.number)} where _key = any($1)`
  const { rows } = await pool.query<Name>(
    `select value, field from (${[aliases, ...values].join(' union ')}) known
     where value is not null order by field, value limit ${subjectNamesMax}`,
    [mergeKeys],
  )
  return rows
}

/** All values that records have in one leaf: a column, a list of texts, or a field of a child. */
function valuesOf({ path, column, child }: Leaf, table: string): string {
  const field = literal(path)
  const cell = `t.${quoted(column.name)}`
  const of = `from ${table} t`
  const these = 't._key = any($1)'
  if (column.type !== 'array') {
    const value = child ? `${cell} ->> ${literal(child.name)}` : `${cell}::text`
    return `select ${value} as value, ${field} as field ${of} where ${these}`
  }
  const list = `jsonb_array_elements(case jsonb_typeof(${cell}) when 'array' then ${cell} end) entry (value)`
  const value = child ? `entry.value ->> ${literal(child.name)}` : `entry.value #>> '{}'`
  return `select ${value} as value, ${field} as field ${of} cross join lateral ${list} where ${these}`
}

export const subjectHashes = (
  subjectsKey: KeyObject,
  resource: string,
  names: readonly string[],
): Buffer[] => names.map((name) => hashSubject(subjectsKey, resource, name))
