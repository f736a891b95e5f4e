/**
 * A field as JSON Schema 2020-12 with `x-` keywords, and back. `schemas/standards/*.json` and the record
 * schema of the API speak this one form; `standards.ts` reads whole documents.
 */
import {
  fieldTypes,
  identifierKinds,
  maskKinds,
  sensitivities,
  type Field,
  type FieldType,
} from '../../schemas/field.ts'

/** A JSON object of which nothing is known yet. */
export type Json = Record<string, unknown>

/** Notes one fault: where (`holders.idNumber`) and what. */
export type Note = (where: string, fault: string) => void

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const stringFormats: ReadonlyMap<unknown, FieldType> = new Map([
  [undefined, 'text'],
  ['decimal', 'decimal'],
  ['date', 'date'],
  ['date-time', 'datetime'],
])

function typeOf(schema: Json): FieldType | undefined {
  const { type, format } = schema
  if (type === 'string') return stringFormats.get(format)
  return fieldTypes.find((known) => known === type && known !== 'text')
}

/** One of a list of words, or undefined; an unknown word is noted. */
function wordOf<T extends string>(words: readonly T[], value: unknown, miss: () => void) {
  const word = words.find((known) => known === value)
  if (value !== undefined && word === undefined) miss()
  return word
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined

const isIdentifierValue = (value: unknown): value is string | null =>
  value === null || typeof value === 'string'

/** Leaves out what is undefined or false, so that a field holds only what was said. */
const said = (parts: Json): Json =>
  Object.fromEntries(
    Object.entries(parts).filter(([, value]) => value !== undefined && value !== false),
  )

function whenOf(value: unknown, miss: () => void): Field['identifierWhen'] {
  if (value === undefined) return undefined
  if (isJson(value) && typeof value.field === 'string' && Array.isArray(value.in)) {
    return { field: value.field, in: value.in.filter(isIdentifierValue) }
  }
  miss()
  return undefined
}

interface Sizes {
  length?: number | undefined
  precision?: number | undefined
}

function sizesOf(schema: Json, type: FieldType | undefined): Sizes {
  if (type === 'decimal') {
    return { length: countOf(schema['x-digits']), precision: countOf(schema['x-precision']) }
  }
  const holder = type === 'array' ? schema.items : schema
  return { length: isJson(holder) ? countOf(holder.maxLength) : undefined }
}

/** The objects below an object or a child list; a list of texts has none. */
function childrenOf(schema: Json, type: FieldType): Json | undefined {
  if (type === 'object') return schema
  const { items } = schema
  return type === 'array' && isJson(items) && items.type === 'object' ? items : undefined
}

/** Every text and decimal has a limit: what has none could be stored without end. */
function checkSizes(field: Field, where: string, note: Note): void {
  const sized = field.type === 'text' || (field.type === 'array' && !field.fields)
  if (sized && !field.length) note(where, 'a text needs maxLength')
  if (field.type === 'decimal' && (!field.length || field.precision === undefined)) {
    note(where, 'a decimal needs x-digits and x-precision')
  }
  if (field.type === 'decimal' && (field.precision ?? 0) > (field.length ?? 0)) {
    note(where, 'x-precision exceeds x-digits')
  }
}

function checkProtection(field: Field, where: string, note: Note): void {
  const personal = field.sensitivity === 'personal' || field.sensitivity === 'sensitive'
  if (personal && !field.fields && field.mask === undefined) {
    note(where, 'a personal or sensitive field needs x-mask')
  }
}

/** One property's field. What is wrong is noted and the rest read on, so that all faults come at once. */
export function fieldOf(name: string, schema: unknown, at: FieldPlace): Field {
  const { where, note } = at
  const json = isJson(schema) ? schema : {}
  const type = typeOf(json)
  const title = textOf(json.title)
  const sensitivity = wordOf(sensitivities, json['x-sensitivity'], () =>
    note(where, 'x-sensitivity is not known'),
  )
  if (!type)
    note(where, 'type is not one of text, integer, decimal, date, datetime, boolean, array')
  if (!title) note(where, 'title is missing')
  if (json['x-sensitivity'] === undefined) note(where, 'x-sensitivity is missing')
  const field: Field = {
    name,
    title: title ?? name,
    type: type ?? 'text',
    sensitivity: sensitivity ?? 'sensitive',
  }
  Object.assign(field, said({ ...sizesOf(json, type), ...detailsOf(json, type, at) }))
  if (type) checkSizes(field, where, note)
  checkProtection(field, where, note)
  return field
}

/** Everything of a field that may be absent, sizes apart. */
function detailsOf(json: Json, type: FieldType | undefined, at: FieldPlace): Partial<Details> {
  const { where, required, note } = at
  const miss = (keyword: string) => () => note(where, `${keyword} is not known`)
  const children = type && childrenOf(json, type)
  return {
    titleEn: textOf(json['x-title-en']),
    required,
    codeTable: textOf(json['x-code-table']),
    identifier: wordOf(identifierKinds, json['x-identifier'], miss('x-identifier')),
    identifierWhen: whenOf(json['x-identifier-when'], miss('x-identifier-when')),
    mask: wordOf(maskKinds, json['x-mask'], miss('x-mask')),
    lookup: json['x-lookup'] === true,
    indexed: json['x-indexed'] === true,
    authority: textOf(json['x-authority']),
    source: textOf(json['x-source']),
    fields: children && fieldsOf(children, where, note),
  }
}

type Details = { [Part in keyof Field]: Field[Part] | undefined }

/** Where a field stands, for messages, and whether its parent requires it. */
export interface FieldPlace {
  where: string
  required: boolean
  note: Note
}

/** The fields of an object schema's `properties`, in their order. */
export function fieldsOf(schema: Json, where: string, note: Note): Field[] {
  const properties = isJson(schema.properties) ? schema.properties : {}
  const required: unknown[] = Array.isArray(schema.required) ? schema.required : []
  for (const name of required) {
    if (typeof name !== 'string' || !(name in properties)) {
      note(where, `required names ${String(name)}, which is no field`)
    }
  }
  return Object.entries(properties).map(([name, property]) => {
    const path = where === '' ? name : `${where}.${name}`
    return fieldOf(name, property, { where: path, required: required.includes(name), note })
  })
}

/** What a decimal string looks like, for readers that do not know the format `decimal`. */
function decimalPattern({ length = 0, precision = 0 }: Field): string {
  const fraction = precision > 0 ? `(\\.\\d{1,${precision}})?` : ''
  return `^-?\\d{1,${Math.max(length - precision, 1)}}${fraction}$`
}

function shapeOf(field: Field): Json {
  switch (field.type) {
    case 'text':
      return { type: 'string', maxLength: field.length }
    case 'decimal':
      return {
        type: 'string',
        format: 'decimal',
        pattern: decimalPattern(field),
        'x-digits': field.length,
        'x-precision': field.precision,
      }
    case 'date':
      return { type: 'string', format: 'date' }
    case 'datetime':
      return { type: 'string', format: 'date-time' }
    case 'object':
      return objectSchema(field.fields ?? [])
    case 'array':
      return {
        type: 'array',
        items: field.fields
          ? objectSchema(field.fields)
          : { type: 'string', maxLength: field.length },
      }
    default:
      return { type: field.type }
  }
}

const fieldSchema = (field: Field): Json => {
  const shape = shapeOf(field)
  return withoutUndefined({
    title: field.title,
    'x-title-en': field.titleEn,
    ...shape,
    'x-source': field.source,
    'x-sensitivity': field.sensitivity,
    'x-mask': field.mask,
    'x-code-table': field.codeTable,
    'x-identifier': field.identifier,
    'x-identifier-when': field.identifierWhen,
    'x-lookup': field.lookup === true ? true : undefined,
    'x-indexed': field.indexed === true ? true : undefined,
    'x-authority': field.authority,
  })
}

const withoutUndefined = (json: Json): Json =>
  Object.fromEntries(
    Object.entries(json)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, isJson(value) ? withoutUndefined(value) : value]),
  )

/** `type`, `required` and `properties` of an object with these fields. */
export function objectSchema(fields: readonly Field[]): Json {
  const required = fields.filter((field) => field.required).map(({ name }) => name)
  return {
    type: 'object',
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field)])),
  }
}
