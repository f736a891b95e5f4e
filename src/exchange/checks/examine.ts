import type { Field, Standard } from '../../../schemas/field.ts'
import type { CodeTable } from '../../../schemas/library.ts'
import type { Fault, MappedRow } from '../types.ts'
import { compileCrossRules } from './cross-rules.ts'
import { faultOf, isReported, rawValue, type Check } from './findings.ts'
import { readInstant } from './forms.ts'
import { identifierCheck } from './identifier-check.ts'
import { losesValue } from './judge.ts'
import { compileExpected, compileRequireAny } from './presence.ts'
import { readRecord } from './read-record.ts'
import { compileShape } from './shape-schema.ts'
import { codeCheck, compileFieldChecks } from './value-checks.ts'

/** What a row is examined by. */
export interface Examined {
  fields: readonly Field[]
  standard: Standard | null
  codeTables: ReadonlyMap<string, CodeTable>
}

/** Examines one row: all that is wrong with it, in the order of checks, while `row.values` is mended in place. */
export type Examine = (row: MappedRow, today: string) => Fault[]

/** What the mapping found comes first; a value that it could not read is not stored. */
const takeMapped = (row: MappedRow, findings: Fault[]): void => {
  for (const { field, code, value } of row.faults) {
    findings.push(faultOf(field === null ? null : rawValue(field), code, value))
    if (field !== null && losesValue(code)) delete row.values[field]
  }
}

const takeUpdatedAt = (row: MappedRow, findings: Fault[]): void => {
  const at = row.sourceUpdatedAt
  if (at === undefined || readInstant(at) !== undefined) return
  // Where it is a field of the record too, it was reported there.
  if (isReported(findings, 'sourceUpdatedAt')) return
  findings.push(faultOf('sourceUpdatedAt', 'date-invalid', at))
}

/** The checks after the shape, in their order: codes, identifiers, sets of fields, cross rules, what is expected. */
const laterChecks = ({ fields, standard, codeTables }: Examined): readonly Check[] => [
  ...compileFieldChecks(fields, codeCheck(codeTables)),
  ...compileFieldChecks(fields, identifierCheck),
  ...(standard ? compileRequireAny(fields, standard) : []),
  ...(standard ? compileCrossRules(fields, standard) : []),
  ...(standard ? compileExpected(fields, standard) : []),
]

/**
 * Compiles everything that is looked at in a row before it is judged. A row whose compiled shape holds
 * is not read again for its shape; only one in doubt is read closely, to name each fault.
 */
export const compileExamination = (examined: Examined): Examine => {
  const hasShape = compileShape(examined.fields)
  const readClosely = readRecord(examined.fields)
  const checks = laterChecks(examined)
  return (row, today) => {
    const findings: Fault[] = []
    if (row.faults.length > 0) takeMapped(row, findings)
    if (!hasShape(row.values)) {
      readClosely(row.values, { path: '', findings, today, mapped: row.faults })
    }
    takeUpdatedAt(row, findings)
    for (const check of checks) check(row.values, findings, today)
    return findings
  }
}
