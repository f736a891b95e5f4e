/** What a resource's field (信息项) is made of. The catalog, the standards and the row pipeline share it. */

export const fieldTypes = [
  'text',
  'integer',
  'decimal',
  'date',
  'datetime',
  'boolean',
  'object',
  'array',
] as const
export type FieldType = (typeof fieldTypes)[number]

export const sensitivities = ['public', 'internal', 'personal', 'sensitive'] as const
export type Sensitivity = (typeof sensitivities)[number]

export const maskKinds = ['none', 'partial', 'hash'] as const
export type MaskKind = (typeof maskKinds)[number]

/** The identifiers whose form and check digits the hub knows (`standards` §3). */
export const identifierKinds = [
  'citizen-id',
  'uscc',
  'organisation-code',
  'registration-number',
  'licence-id',
  'property-unit',
  'property-certificate',
  'division',
] as const
export type IdentifierKind = (typeof identifierKinds)[number]

/**
 * One field. `length` counts code points of a text, or all digits of a decimal; `precision` the digits
 * behind a decimal's point. An `array` with `fields` is a child list; without, a list of texts of at
 * most `length` code points each. A decimal is carried as a string of digits, a date as `YYYY-MM-DD`,
 * a datetime as an RFC 3339 instant in UTC.
 */
export interface Field {
  name: string
  title: string
  titleEn?: string
  type: FieldType
  length?: number
  precision?: number
  required?: boolean
  codeTable?: string
  identifier?: IdentifierKind
  /** The identifier is only checked where this sibling field has one of these values (or none, if `null` is among them). */
  identifierWhen?: { field: string; in: readonly (string | null)[] }
  sensitivity: Sensitivity
  mask?: MaskKind
  lookup?: boolean
  indexed?: boolean
  /** The department kind whose value wins (数源). */
  authority?: string
  /** The element's identifier in the source standard. */
  source?: string
  fields?: readonly Field[]
}

/** A condition on one record, as data: every part given must hold. `today` is the date in Asia/Shanghai. */
export interface Condition {
  field: string
  present?: boolean
  in?: readonly (string | boolean | number)[]
  notIn?: readonly (string | boolean | number)[]
  /** The date or instant lies before today. */
  beforeToday?: boolean
  afterToday?: boolean
}

/** A cross-field rule of a standard: the function of that name, over these fields in this order. */
export interface CrossRule {
  rule: string
  fields: readonly string[]
}

/** A standard (数据标准) as the hub uses it, read from `schemas/standards/<id>.json`. */
export interface Standard {
  id: string
  title: string
  titleEn: string
  source: string
  fields: readonly Field[]
  /** Merge keys in order of preference: the first whose fields all have values is the row's key. */
  keys: readonly (readonly string[])[]
  /** Of each set at least one field must have a value, else the row is rejected. */
  requireAny: readonly (readonly string[])[]
  /** Fields whose absence is flagged, all `when` conditions holding. */
  expected: readonly { fields: readonly string[]; when?: readonly Condition[] }[]
  rules: readonly CrossRule[]
  /** First one whose conditions all hold gives `subjectStatus`; none: `current`. */
  subjectStatus: readonly { status: string; when: readonly Condition[] }[]
  /** Any one holding makes the row land whatever else is wrong with its non-key fields. */
  alwaysLands: readonly Condition[]
  /** Any one holding sets the record's status when the mapping gives none. */
  recordStatus: readonly { status: 'cancelled' | 'historical'; when: readonly Condition[] }[]
  /** The field by which versions of one key are ordered (licences): the highest not cancelled is current. */
  versionField?: string
  /** Former versions are kept for as-of queries. */
  history: boolean
  /** Current rights on one unit whose shares exceed the whole are flagged. */
  overlap?: {
    unit: string
    children: string
    /** The child's field with its share in percent. */
    share: string
    /** The child's field with its share as written: one that is there and was not read is unknown, not the whole. */
    shareText?: string
    /** Rights of different kinds stand beside each other: shares are added up per value of this field. */
    right?: string
  }
}
