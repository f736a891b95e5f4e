import type { RowCode } from '../../../schemas/api/row-codes.ts'
import type { Fault, RecordStatus, RowOperation } from '../types.ts'

/**
 * What a fault does: `reject` the row, `null` the value and flag it (the raw value goes to the quality
 * entry), or `keep` the value as it came and flag it.
 */
export type Consequence = 'reject' | 'null' | 'keep'

export type Strictness = 'strict' | 'lenient'

/** How a row is judged: by the resource's strictness, or as one that lands whatever else is wrong. */
export type JudgedAs = Strictness | 'alwaysLands'

type Judgement = Readonly<Record<JudgedAs, Consequence>>

/** Cannot be read, has no merge key, cannot be stored, or belongs to another provider. */
const refused: Judgement = { strict: 'reject', lenient: 'reject', alwaysLands: 'reject' }

/** A required value that is absent: a death or a cancellation lands without it. */
const absent: Judgement = { strict: 'reject', lenient: 'reject', alwaysLands: 'keep' }

/** A value that its field cannot hold, or must not. */
const unfit: Judgement = { strict: 'reject', lenient: 'null', alwaysLands: 'null' }

/** An identifier or cross-check fault: a lenient resource stores the value as it came. */
const doubtful: Judgement = { strict: 'reject', lenient: 'keep', alwaysLands: 'keep' }

/** Worth a flag, never a refusal. */
const remarked: Judgement = { strict: 'keep', lenient: 'keep', alwaysLands: 'keep' }

/**
 * The one place where it is decided what becomes of a fault (`records`, Reject or flag). The hub is not
 * the registry: refusing a row does not make the person disappear, it makes the hub wrong.
 */
export const judgements: Readonly<Record<RowCode, Judgement>> = {
  'not-json': refused,
  'not-csv': refused,
  encoding: refused,
  'row-too-large': refused,
  'row-too-deep': refused,
  'cell-too-large': refused,
  'char-not-storable': refused,
  'char-private-use': remarked,
  'char-lossy': remarked,
  'field-unknown': unfit,
  'field-missing': remarked,
  required: absent,
  type: unfit,
  length: unfit,
  precision: unfit,
  'date-invalid': unfit,
  'date-future': doubtful,
  'code-unknown': unfit,
  'amount-invalid': unfit,
  'division-unknown': remarked,
  'identifier-form': doubtful,
  'identifier-check-digit': doubtful,
  'identifier-date': doubtful,
  // Masked values are never identifiers, for anyone: a lenient resource keeps them in the quality entry only.
  'identifier-masked': unfit,
  // Some early codes break the embedded organisation code's check (GB 32100, GB 11714): a warning.
  'identifier-organisation': remarked,
  'cross-sex': doubtful,
  'cross-birth-date': doubtful,
  'cross-period': doubtful,
  'cross-holder': doubtful,
  'cross-unit-right': doubtful,
  'unit-not-placed': remarked,
  'current-rights-overlap': remarked,
  'children-length': unfit,
  'children-too-many': unfit,
  'key-missing': refused,
  'key-too-long': refused,
  'key-shared': remarked,
  'provider-mismatch': refused,
  'operation-unknown': refused,
  'newer-version-refused': remarked,
}

/**
 * True when a fault of this code leaves no value behind that may be stored. Such a fault in a field of
 * the merge key means that the key cannot be read. An absent value is nothing lost.
 */
export const losesValue = (code: RowCode): boolean =>
  code !== 'required' && judgements[code].lenient !== 'keep'

/** The faults that refuse the row when it is judged so, in the order in which they were found. */
export const rejectingFaults = (faults: readonly Fault[], judgedAs: JudgedAs): Fault[] =>
  faults.filter((fault) => judgements[fault.code][judgedAs] === 'reject')

/** One flag of a landed record; `value` is the raw value, at most 200 code points. */
export interface QualityEntry {
  code: RowCode
  field: string | null
  value?: string
}

export interface LandedRow {
  verdict: 'land'
  key: string
  operation: RowOperation
  /** The row's own values, mended in place; of a delete its version alone, if it names one. */
  values: Record<string, unknown>
  quality: QualityEntry[]
  status: RecordStatus
  sourceUpdatedAt: string | null
}

export interface RefusedRow {
  verdict: 'reject'
  key: string | null
  /** The first ten, in the order of checks. */
  reasons: Fault[]
  /** The merge key could be read: the live record is out of date, and a snapshot counts it as present. */
  standing: boolean
}

export type Judged = LandedRow | RefusedRow
