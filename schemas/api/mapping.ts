/**
 * A mapping (映射): how the rows of one source become records of a resource. It is data, written by staff
 * or shipped with an adapter, and compiled once by `src/exchange/mapping`. Every name and list has a limit.
 */
import { Type, type Static, type TSchema } from 'typebox'

const strict = { additionalProperties: false } as const
const Column = Type.String({ minLength: 1, maxLength: 200, description: 'A column of the source.' })
const FieldName = Type.String({ minLength: 1, maxLength: 63 })
const Pattern = Type.String({
  minLength: 1,
  maxLength: 1000,
  description: 'A regular expression in RE2 syntax: it runs in linear time, so no back references.',
})
const Otherwise = Type.Optional(
  Type.String({
    maxLength: 200,
    description:
      'For a value without translation: `reject` (default) makes it a fault, `keep` passes it on, any other text takes its place.',
  }),
)

const Formats = Type.Array(Type.String({ minLength: 1, maxLength: 40 }), {
  minItems: 1,
  maxItems: 20,
  description:
    'Tried in order. Tokens: YYYY, MM or M, DD or D, HH or H, mm, ss, SSS, Z (offset). Names: `中文` (2024年1月2日, also in Chinese numerals), `excel` (serial days since 1900); for instants also `rfc3339`, `epochSeconds`, `epochMilliseconds`.',
})
const longTerm = {
  longTerm: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 40 }), {
      minItems: 1,
      maxItems: 20,
      description:
        'Values that stand for 长期 (no end): compared with the text as it came and, written YYYY-MM-DD, with the date read. The field gets no value and the field named by `flag` becomes true.',
    }),
  ),
  flag: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 63,
      description: 'The boolean field beside this one that says 长期; by default `longTerm`.',
    }),
  ),
}
const Words = Type.Array(Type.String({ minLength: 1, maxLength: 40 }), {
  minItems: 1,
  maxItems: 50,
})

/** The steps that are a single word. */
export const wordSteps = [
  'trim',
  'upper',
  'lower',
  'nfkc',
  'halfwidth',
  'digits',
  'collapse',
  'number',
  'integer',
  'boolean',
] as const
export type WordStep = (typeof wordSteps)[number]

/** The steps that are an object, by the key that names them. */
export const stepSchemas = {
  null: Type.Object(
    { null: Type.Array(Type.String({ maxLength: 200 }), { maxItems: 100 }) },
    { ...strict, description: 'These values mean "no value"; the empty text always does.' },
  ),
  date: Type.Object(
    { date: Type.Union([Formats, Type.Object({ formats: Formats, ...longTerm }, strict)]) },
    { ...strict, description: 'To a date of the calendar, YYYY-MM-DD.' },
  ),
  datetime: Type.Object(
    {
      datetime: Type.Object(
        {
          formats: Formats,
          zone: Type.Optional(
            Type.String({ maxLength: 60, description: 'IANA zone; default Asia/Shanghai.' }),
          ),
          ...longTerm,
        },
        strict,
      ),
    },
    { ...strict, description: 'To an instant in UTC with milliseconds.' },
  ),
  boolean: Type.Object(
    { boolean: Type.Object({ true: Words, false: Words }, strict) },
    { ...strict, description: 'Words for yes and no other than 是/否, Y/N, true/false, 1/0.' },
  ),
  amount: Type.Object(
    {
      amount: Type.Object(
        {
          unit: Type.Union([Type.Literal('万'), Type.Literal('元')]),
          plain: Type.Optional(
            Type.Union([Type.Literal('万'), Type.Literal('元')], {
              description: 'The unit of a number that names none; default: the unit asked for.',
            }),
          ),
        },
        strict,
      ),
    },
    { ...strict, description: 'An exact amount of money in the unit asked for.' },
  ),
  currency: Type.Object(
    {
      currency: Type.Object(
        {
          default: Type.Optional(Type.String({ pattern: '^[0-9]{3}$' })),
          numeric: Type.Optional(
            Type.Boolean({
              description:
                'Whether a bare text of three digits is a code; by default only where no default is given, since it may be an amount.',
            }),
          ),
        },
        strict,
      ),
    },
    { ...strict, description: 'The numeric currency code (GB/T 12406, ISO 4217) named in a text.' },
  ),
  code: Type.Object(
    {
      code: Type.Record(Type.String({ maxLength: 200 }), Type.String({ maxLength: 200 }), {
        minProperties: 1,
        maxProperties: 5000,
      }),
      otherwise: Otherwise,
    },
    {
      ...strict,
      description: 'Source value → code; compared exactly, then with width and spaces folded.',
    },
  ),
  codeTable: Type.Object(
    {
      codeTable: Type.String({ minLength: 1, maxLength: 100 }),
      by: Type.Optional(Type.Union([Type.Literal('name'), Type.Literal('code')])),
      otherwise: Otherwise,
    },
    { ...strict, description: 'To the code of a code table, by the name (default) or the code.' },
  ),
  substring: Type.Object(
    { substring: Type.Array(Type.Integer(), { minItems: 1, maxItems: 2 }) },
    { ...strict, description: 'Start and end in code points; negative ones count from the end.' },
  ),
  match: Type.Object(
    {
      match: Pattern,
      otherwise: Type.Optional(
        Type.Union([Type.Literal('empty'), Type.Literal('keep'), Type.Literal('reject')]),
      ),
    },
    {
      ...strict,
      description: 'The one group of the first match; without a match no value (`empty`).',
    },
  ),
  replace: Type.Object(
    { replace: Type.Array(Type.String({ maxLength: 1000 }), { minItems: 2, maxItems: 2 }) },
    {
      ...strict,
      description: 'Pattern and text; $1 to $9 stand for groups, $$ for a dollar sign.',
    },
  ),
  join: Type.Object({ join: Type.String({ maxLength: 20 }) }, strict),
  split: Type.Object(
    { split: Type.String({ minLength: 1, maxLength: 40 }) },
    { ...strict, description: 'A separator, or a class of single characters such as [,，、;；].' },
  ),
  default: Type.Object({ default: Type.String({ minLength: 1, maxLength: 1000 }) }, strict),
} as const
export type ObjectStep = keyof typeof stepSchemas

export const MappingStep = Type.Union([
  Type.Union(wordSteps.map((word) => Type.Literal(word))),
  ...Object.values(stepSchemas),
])
export type MappingStep =
  | WordStep
  | { [Name in ObjectStep]: Static<(typeof stepSchemas)[Name]> }[ObjectStep]

const stepsOf = <Step extends TSchema>(step: Step) =>
  Type.Optional(Type.Array(step, { maxItems: 32 }))

/** Where a field's value comes from; `step` is the schema of one step. */
const sourcesOf = <Step extends TSchema>(step: Step) => {
  const FieldSource = Type.Union([
    Column,
    Type.Object(
      {
        from: Type.Optional(
          Type.Union([Column, Type.Array(Column, { minItems: 1, maxItems: 20 })]),
        ),
        steps: stepsOf(step),
        const: Type.Optional(Type.Unknown()),
      },
      { ...strict, description: 'Either `from` (with steps) or `const`.' },
    ),
  ])
  return Type.Record(FieldName, FieldSource, { maxProperties: 500 })
}

const childrenOf = <Step extends TSchema>(step: Step) => {
  const Sources = Type.Optional(sourcesOf(step))
  return Type.Object(
    {
      zip: Sources,
      split: Type.Optional(Type.String({ minLength: 1, maxLength: 40 })),
      row: Sources,
      rows: Sources,
      source: Type.Optional(Column),
      on: Type.Optional(Type.Record(Column, Column, { minProperties: 1, maxProperties: 10 })),
      fields: Sources,
    },
    {
      ...strict,
      description:
        'One of: `zip` + `split` (parallel lists in cells), `row` (one child out of the row itself, from any of its columns), `rows` (several source rows of one key), `source` + `on` (column there → column here) + `fields` (a second table; pushed rows carry it as an array under that name).',
    },
  )
}

const translatedOf = <Step extends TSchema, Value extends TSchema>(step: Step, value: Value) =>
  Type.Optional(
    Type.Object(
      {
        from: Column,
        steps: stepsOf(step),
        values: Type.Record(Type.String({ maxLength: 200 }), value, { minProperties: 1 }),
        otherwise: Type.Optional(value),
      },
      strict,
    ),
  )

const Operation = Type.Union([Type.Literal('upsert'), Type.Literal('delete')])
const Status = Type.Union([
  Type.Literal('current'),
  Type.Literal('cancelled'),
  Type.Literal('historical'),
  Type.Literal('superseded'),
])
const Key = Type.Array(Column, {
  minItems: 1,
  maxItems: 10,
  description: 'Columns that make up the merge key, joined with `|`.',
})

/** Builds the mapping's schema around a schema for steps, so that the compiler can judge steps one by one. */
const mappingOf = <Step extends TSchema>(step: Step) =>
  Type.Object(
    {
      fields: sourcesOf(step),
      children: Type.Optional(Type.Record(FieldName, childrenOf(step), { maxProperties: 50 })),
      key: Type.Optional(Key),
      operation: translatedOf(step, Operation),
      updatedAt: Type.Optional(Type.Object({ from: Column, steps: stepsOf(step) }, strict)),
      status: translatedOf(step, Status),
      ignore: Type.Optional(Type.Array(Column, { maxItems: 2000 })),
    },
    strict,
  )

export const Mapping = mappingOf(MappingStep)

/** The mapping's outer shape, its steps not yet looked at. */
export const MappingShape = mappingOf(Type.Unknown())

/** Where a field's value comes from: a column, columns with steps, or a constant. */
export type FieldSource =
  | string
  | { from?: string | string[]; steps?: MappingStep[]; const?: unknown }

export interface MappingChildren {
  zip?: Record<string, FieldSource>
  split?: string
  row?: Record<string, FieldSource>
  rows?: Record<string, FieldSource>
  source?: string
  on?: Record<string, string>
  fields?: Record<string, FieldSource>
}

export interface MappingTranslation<Value extends string> {
  from: string
  steps?: MappingStep[]
  values: Record<string, Value>
  otherwise?: Value
}

export interface Mapping {
  fields: Record<string, FieldSource>
  children?: Record<string, MappingChildren>
  key?: string[]
  operation?: MappingTranslation<'upsert' | 'delete'>
  updatedAt?: { from: string; steps?: MappingStep[] }
  status?: MappingTranslation<'current' | 'cancelled' | 'historical' | 'superseded'>
  ignore?: string[]
}
