/**
 * The shipped standards (数据标准): `schemas/standards/<id>.json` read into the shape that mapping, checks,
 * record tables and answers work with. A document that contradicts itself is refused whole, with all its
 * faults, since a half-read standard would let wrong rows in silently.
 */
import type { Condition, CrossRule, Field, Standard } from '../../schemas/field.ts'
import { codeTables, standardDocuments } from '../../schemas/library.ts'
import { fieldsOf, isJson, objectSchema, type Json, type Note } from './standard-fields.ts'

/**
 * The cross-field rules that a standard may name, with how many fields each takes, in this order:
 * `sex-of-citizen-id` (sex, identity number) · `birth-date-of-citizen-id` (birth date, identity number) ·
 * `period` (from, to) · `date-not-future` (date) · `holder-kind` (licence or permit, holders; §4.5) ·
 * `unit-right` (unit number, kind of right; §3.6).
 */
export const crossRules: Readonly<Record<string, number>> = {
  'sex-of-citizen-id': 2,
  'birth-date-of-citizen-id': 2,
  period: 2,
  'date-not-future': 1,
  'holder-kind': 2,
  'unit-right': 2,
}

/** Names that the API's queries use for themselves, so that no field may be called so. */
export const reservedFieldNames: ReadonlySet<string> = new Set(['limit', 'after', 'fields'])

const fieldName = /^[a-z][A-Za-z0-9]{0,62}$/

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const textsOf = (value: unknown): string[] =>
  listOf(value).filter((part): part is string => typeof part === 'string')

/** A document's `x-` lists, with every field they name checked against the fields there are. */
interface Reader {
  json: Json
  paths: ReadonlySet<string>
  note: Note
}

const isScalar = (value: unknown): value is string | boolean | number =>
  ['string', 'boolean', 'number'].includes(typeof value)

/** What each part of a condition must look like. */
const conditionParts: Readonly<Record<string, (value: unknown) => boolean>> = {
  field: (value) => typeof value === 'string',
  present: (value) => typeof value === 'boolean',
  in: (value) => Array.isArray(value) && value.every(isScalar),
  notIn: (value) => Array.isArray(value) && value.every(isScalar),
  beforeToday: (value) => typeof value === 'boolean',
  afterToday: (value) => typeof value === 'boolean',
}

const isCondition = (value: unknown): value is Condition =>
  isJson(value) &&
  'field' in value &&
  Object.keys(value).length > 1 &&
  Object.entries(value).every(([key, part]) => conditionParts[key]?.(part) === true)

function condition(value: unknown, where: string, { paths, note }: Reader): Condition[] {
  if (!isCondition(value)) {
    note(where, `${JSON.stringify(value)} is no condition on a field`)
    return []
  }
  if (!paths.has(value.field)) note(where, `${value.field} is no field`)
  return [value]
}

const conditions = (value: unknown, where: string, reader: Reader): Condition[] =>
  listOf(value).flatMap((part) => condition(part, where, reader))

function known(names: string[], where: string, { paths, note }: Reader): string[] {
  for (const name of names) if (!paths.has(name)) note(where, `${name} is no field`)
  return names
}

const fieldSets = (keyword: string, reader: Reader): string[][] =>
  listOf(reader.json[keyword]).map((set) => known(textsOf(set), keyword, reader))

const expectedOf = (reader: Reader): Standard['expected'] =>
  listOf(reader.json['x-expected'])
    .filter(isJson)
    .map((entry) => {
      const fields = known(textsOf(entry.fields), 'x-expected', reader)
      const when = conditions(entry.when, 'x-expected', reader)
      return when.length > 0 ? { fields, when } : { fields }
    })

function rulesOf(reader: Reader): CrossRule[] {
  const rules = listOf(reader.json['x-rules']).filter(isJson)
  return rules.map((entry) => {
    const rule = String(entry.rule)
    const fields = known(textsOf(entry.fields), 'x-rules', reader)
    const count = crossRules[rule]
    if (count === undefined) reader.note('x-rules', `${rule} is no rule`)
    else if (count !== fields.length) reader.note('x-rules', `${rule} takes ${count} fields`)
    return { rule, fields }
  })
}

const statusesOf = (keyword: string, reader: Reader): { status: string; when: Condition[] }[] =>
  listOf(reader.json[keyword])
    .filter(isJson)
    .map((entry) => {
      if (typeof entry.status !== 'string') reader.note(keyword, 'a status is missing')
      const when = conditions(entry.when, keyword, reader)
      if (when.length === 0) reader.note(keyword, `${String(entry.status)} has no condition`)
      return { status: String(entry.status), when }
    })

const isRecordStatus = (entry: {
  status: string
  when: Condition[]
}): entry is Standard['recordStatus'][number] & { when: Condition[] } =>
  entry.status === 'cancelled' || entry.status === 'historical'

function recordStatusOf(reader: Reader): Standard['recordStatus'] {
  const statuses = statusesOf('x-record-status', reader)
  for (const entry of statuses) {
    if (!isRecordStatus(entry))
      reader.note('x-record-status', `${entry.status} is no record status`)
  }
  return statuses.filter(isRecordStatus)
}

function overlapOf(reader: Reader): Standard['overlap'] {
  const value = reader.json['x-overlap']
  if (value === undefined) return undefined
  const [unit, children, share] = isJson(value)
    ? textsOf([value.unit, value.children, value.share])
    : []
  const [shareText] = isJson(value) ? textsOf([value.shareText]) : []
  const [right] = isJson(value) ? textsOf([value.right]) : []
  if (!unit || !children || !share) {
    reader.note('x-overlap', 'needs unit, children and share')
    return undefined
  }
  const optional = [...(shareText ? [`${children}.${shareText}`] : []), ...(right ? [right] : [])]
  known([unit, children, `${children}.${share}`, ...optional], 'x-overlap', reader)
  return { unit, children, share, ...(shareText && { shareText }), ...(right && { right }) }
}

/** Every field's dotted path, children included. */
function pathsOf(fields: readonly Field[], above = ''): string[] {
  return fields.flatMap((field) => {
    const path = above + field.name
    return [path, ...pathsOf(field.fields ?? [], `${path}.`)]
  })
}

function checkFields(fields: readonly Field[], above: string, note: Note): void {
  const names = new Set(fields.map(({ name }) => name))
  for (const field of fields) {
    const where = above + field.name
    if (!fieldName.test(field.name))
      note(where, 'a name is camelCase, at most 63 letters and digits')
    if (reservedFieldNames.has(field.name)) note(where, 'this name is reserved')
    if (field.codeTable !== undefined && !codeTables().has(field.codeTable)) {
      note(where, `no code table ${field.codeTable}`)
    }
    const sibling = field.identifierWhen?.field
    if (sibling !== undefined && !names.has(sibling)) note(where, `${sibling} is no sibling`)
    checkFields(field.fields ?? [], `${where}.`, note)
  }
}

function headOf(json: Json, note: Note): Pick<Standard, 'id' | 'title' | 'titleEn' | 'source'> {
  const text = (keyword: string): string => {
    const value = json[keyword]
    if (typeof value === 'string' && value !== '') return value
    note(keyword, 'is missing')
    return ''
  }
  const id = text('$id').split(':').at(-1) ?? ''
  return { id, title: text('title'), titleEn: text('x-title-en'), source: text('x-source') }
}

function read(json: Json, note: Note): Standard {
  const fields = fieldsOf(json, '', note)
  checkFields(fields, '', note)
  const reader = { json, paths: new Set(pathsOf(fields)), note }
  const keys = fieldSets('x-keys', reader)
  if (keys.length === 0) note('x-keys', 'a standard needs a merge key')
  const version = json['x-version']
  const overlap = overlapOf(reader)
  return {
    ...headOf(json, note),
    fields,
    keys,
    requireAny: fieldSets('x-require-any', reader),
    expected: expectedOf(reader),
    rules: rulesOf(reader),
    subjectStatus: statusesOf('x-subject-status', reader),
    alwaysLands: conditions(json['x-always-lands'], 'x-always-lands', reader),
    recordStatus: recordStatusOf(reader),
    ...(typeof version === 'string'
      ? { versionField: known([version], 'x-version', reader)[0] ?? version }
      : {}),
    history: json['x-history'] === true,
    ...(overlap ? { overlap } : {}),
  }
}

/** The standard a document describes. Throws an Error whose message names every fault of the document. */
export function standardOf(document: unknown): Standard {
  const faults: string[] = []
  const note: Note = (where, fault) => void faults.push(`${where}: ${fault}`)
  if (!isJson(document)) throw new Error('A standard is a JSON object')
  const standard = read(document, note)
  if (faults.length > 0) {
    throw new Error(`Standard ${standard.id || '(no id)'} is faulty: ${faults.join('; ')}`)
  }
  return standard
}

/**
 * The JSON Schema 2020-12 of a record with these fields, `x-` keywords included; its `properties` are
 * what {@link standardOf} reads.
 */
export const fieldsToJsonSchema = (
  fields: readonly Field[],
  about: { title: string; id: string },
): Json => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: about.id,
  title: about.title,
  ...objectSchema(fields),
})

function readAll(): ReadonlyMap<string, Standard> {
  const read = [...standardDocuments()].map(([file, document]) => {
    const standard = standardOf(document)
    if (standard.id !== file) throw new Error(`standards/${file}.json calls itself ${standard.id}`)
    return [file, standard] as const
  })
  return new Map(read)
}

let kept: ReadonlyMap<string, Standard> | undefined

/** The shipped standards by id: one per file of `schemas/standards/`. */
export const standards = (): ReadonlyMap<string, Standard> => (kept ??= readAll())
