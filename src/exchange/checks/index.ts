import type { Condition } from '../../../schemas/field.ts'
import { compileAnyCondition, recordStatusOf } from '../../shared/conditions.ts'
import { faultLimits } from '../../shared/limits.ts'
import type { Fault, MappedRow } from '../types.ts'
import { compileExamination, type Examined } from './examine.ts'
import { readInstant } from './forms.ts'
import {
  rejectingFaults,
  type Judged,
  type JudgedAs,
  type LandedRow,
  type RefusedRow,
  type Strictness,
} from './judge.ts'
import { readMergeKey, type KeyReading } from './key.ts'

export type { Judged, LandedRow, QualityEntry, RefusedRow } from './judge.ts'

/** The resource that rows are checked for. */
export interface CheckTarget extends Examined {
  /** Merge keys in order of preference. */
  keys: readonly (readonly string[])[]
  strictness: Strictness
}

/** Checks one row; `today` is `YYYY-MM-DD` in Asia/Shanghai. Never throws. */
export type CheckRow = (row: MappedRow, today: string) => Judged

/** Quality entries kept with one record: a row of a thousand bad children needs no more. */
export const qualityEntriesMax = 100

/** What a row is judged by once it is examined. */
interface Bench {
  judgedAs: JudgedAs
  findings: Fault[]
  reading: KeyReading
}

/** A key that cannot be read refuses the row, however its faults are judged elsewhere. */
const reasonsOf = ({ judgedAs, findings, reading }: Bench): Fault[] => {
  const rejecting = new Set([...rejectingFaults(findings, judgedAs), ...reading.faults])
  const found = findings.filter((fault) => rejecting.has(fault))
  return [...found, ...reading.faults.filter((fault) => !findings.includes(fault))]
}

const refuse = (reasons: Fault[], { key }: KeyReading): RefusedRow => ({
  verdict: 'reject',
  key,
  reasons: reasons.slice(0, faultLimits.faultsPerRowMax),
  standing: key !== null,
})

/** The row as it lands, or its refusal; `land` is only asked where nothing refuses the row. */
const judge = (bench: Bench, land: (key: string) => LandedRow): Judged => {
  const { findings, reading } = bench
  if (findings.length === 0 && reading.key !== null) return land(reading.key)
  const reasons = reasonsOf(bench)
  return reasons.length > 0 || reading.key === null ? refuse(reasons, reading) : land(reading.key)
}

const updatedAtOf = ({ sourceUpdatedAt }: MappedRow): string | null =>
  sourceUpdatedAt === undefined ? null : (readInstant(sourceUpdatedAt) ?? null)

const never: readonly Condition[] = []

/** A row that the mapping says is cancelled, historical or the like ends something: it lands as a cancellation does. */
const endsSomething = ({ status }: MappedRow): boolean =>
  status !== undefined && status !== 'current'

const compileUpsert = (target: CheckTarget): CheckRow => {
  const { standard, keys, strictness } = target
  const examine = compileExamination(target)
  const landsAlways = compileAnyCondition(standard?.alwaysLands ?? never)
  const statusOf = recordStatusOf(standard ?? { recordStatus: [] })
  return (row, today) => {
    const { values } = row
    const findings = examine(row, today)
    const reading = readMergeKey(row, keys, findings)
    const lands = findings.length > 0 && (endsSomething(row) || landsAlways(values, today))
    return judge({ judgedAs: lands ? 'alwaysLands' : strictness, findings, reading }, (key) => ({
      verdict: 'land',
      key,
      operation: row.operation,
      values,
      quality:
        findings.length > qualityEntriesMax ? findings.slice(0, qualityEntriesMax) : findings,
      status: row.status ?? statusOf(values, today) ?? 'current',
      sourceUpdatedAt: updatedAtOf(row),
    }))
  }
}

const versionOf = (values: MappedRow['values'], field: string | undefined): MappedRow['values'] =>
  field !== undefined && typeof values[field] === 'string' ? { [field]: values[field] } : {}

/**
 * Of a row to delete only the key matters, and the version where the standard has some, since the source
 * then deletes versions one by one: these fields alone are read, and leniently.
 */
const compileDelete = (target: CheckTarget): CheckRow => {
  const version = target.standard?.versionField
  const names = new Set([...target.keys.flat(), ...(version === undefined ? [] : [version])])
  const fields = target.fields
    .filter((field) => names.has(field.name))
    .map((field) => ({ ...field, required: false }))
  const examine = compileExamination({ ...target, fields, standard: null })
  const matters = ({ field, code }: Fault): boolean =>
    code !== 'required' && (field === null || names.has(field))
  return (row, today) => {
    const ownKeys = Object.entries(row.values).filter(([name]) => names.has(name))
    const values: MappedRow['values'] = row.key
      ? versionOf(row.values, version)
      : Object.fromEntries(ownKeys)
    const findings = examine({ ...row, values, faults: row.faults.filter(matters) }, today)
    const reading = readMergeKey({ ...row, values }, target.keys, findings)
    return judge({ judgedAs: 'lenient', findings, reading }, (key) => ({
      verdict: 'land',
      key,
      operation: 'delete',
      values: versionOf(values, version),
      quality: [],
      status: row.status ?? 'deleted',
      sourceUpdatedAt: updatedAtOf(row),
    }))
  }
}

/**
 * Compiles all checks of a resource's rows (`mapping`, Checks) into one function: shape, codes,
 * identifiers, cross rules, merge key, and then the verdict by `judge.ts`.
 */
export const compileChecks = (target: CheckTarget): CheckRow => {
  const upsert = compileUpsert(target)
  // Most sources never send a delete, so its checks are compiled when the first one comes.
  let remove: CheckRow | undefined
  return (row, today) => {
    if (row.operation !== 'delete') return upsert(row, today)
    remove ??= compileDelete(target)
    return remove(row, today)
  }
}
