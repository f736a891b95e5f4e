import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Field } from '../../../schemas/field.ts'
import { decimalPattern, isDate, isInstant } from './forms.ts'
import { rowLimits } from '../../shared/limits.ts'

/** A JSON Schema as it is handed to ajv. */
type Schema = Record<string, unknown>

const questionMark = 0x3f
const wideQuestionMark = 0xff1f
const replacement = 0xfffd
const firstSurrogate = 0xd800
const lastPrivateUse = 0xf8ff

/** What most texts never hold: NUL, surrogates and private-use characters, “?” and U+FFFD. */
const isRemarkable = (unit: number): boolean =>
  (unit >= firstSurrogate && unit <= lastPrivateUse) ||
  unit === questionMark ||
  unit === wideQuestionMark ||
  unit === replacement ||
  unit === 0

/** A text of which nothing more is to be said; one with a remarkable unit is looked at closely. */
const isPlain = (text: string): boolean => {
  for (let index = 0; index < text.length; index += 1) {
    if (isRemarkable(text.charCodeAt(index))) return false
  }
  return text.length > 0
}

const textFormat = (length?: number): string => `text-${length ?? 'any'}`

const textSchema = ({ length }: { length?: number }): Schema => ({
  type: 'string',
  format: textFormat(length),
})

/** Whole numbers that JavaScript holds exactly and whose digits are at most `length`. */
export const integerMax = (length?: number): number =>
  length === undefined || length > 15 ? Number.MAX_SAFE_INTEGER : 10 ** length - 1

const listSchema = (field: Field): Schema => ({
  type: 'array',
  minItems: 1,
  maxItems: rowLimits.childrenCountMax,
  items: field.fields ? recordSchema(field.fields) : textSchema(field),
})

const schemas: Readonly<Record<Field['type'], (field: Field) => Schema>> = {
  text: textSchema,
  integer: ({ length }) => ({
    type: 'integer',
    minimum: -integerMax(length),
    maximum: integerMax(length),
  }),
  decimal: ({ length, precision }) => ({
    type: 'string',
    pattern: decimalPattern(length, precision),
  }),
  date: () => ({ type: 'string', format: 'calendar-date' }),
  datetime: () => ({ type: 'string', format: 'instant' }),
  boolean: () => ({ type: 'boolean' }),
  // A free-form object is looked at closely every time: no schema says what its texts may hold.
  object: ({ fields }) => (fields ? recordSchema(fields) : { type: 'null' }),
  array: listSchema,
}

const recordSchema = (fields: readonly Field[]): Schema => ({
  type: 'object',
  additionalProperties: false,
  required: fields.filter((field) => field.required).map((field) => field.name),
  properties: Object.fromEntries(fields.map((field) => [field.name, schemas[field.type](field)])),
})

/** The lengths of all texts, each of which gets a format of its own. */
const textLengths = (fields: readonly Field[]): Set<number | undefined> =>
  new Set(fields.flatMap((field) => [field.length, ...textLengths(field.fields ?? [])]))

/**
 * Compiles the test “nothing is to be said about this row's shape”. It may call a good row doubtful (a
 * text near its limit that holds rare characters), never a bad one good: whatever fails it is read again
 * closely. Lengths are therefore counted in UTF-16 units here, which are never fewer than code points.
 */
export const compileShape = (fields: readonly Field[]): ((values: unknown) => boolean) => {
  // The schema is made here, so it is not held against the meta-schema, which costs more than compiling it.
  const ajv = new Ajv2020({ meta: false, validateSchema: false, strictTypes: false })
  for (const length of [undefined, ...textLengths(fields)]) {
    const max = length ?? Number.POSITIVE_INFINITY
    const validate = (text: string): boolean => text.length <= max && isPlain(text)
    ajv.addFormat(textFormat(length), { type: 'string', validate })
  }
  ajv.addFormat('calendar-date', { type: 'string', validate: isDate })
  ajv.addFormat('instant', { type: 'string', validate: isInstant })
  const validate = ajv.compile(recordSchema(fields))
  return (values) => validate(values)
}
