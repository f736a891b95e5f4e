import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import type { ExistingTable, TableColumn, TablePlan, TargetDialect } from './dialect.ts'

/** What a table that is already there must be for rows to arrive in it whole. */
export interface TableDemand {
  plan: TablePlan
  /** Rows are found again by the plan's primary key, so it must be unique, and nothing else may be. */
  isKeyed: boolean
}

/** Refuses (`state-conflict`) a table into which the delivery does not fit, naming every column. */
export function checkTable(
  existing: ExistingTable,
  demand: TableDemand,
  dialect: TargetDialect,
): void {
  const faults = [
    ...demand.plan.columns.flatMap((column) => columnFaults(column, existing, dialect)),
    ...strangerFaults(existing, demand.plan),
    ...(demand.isKeyed ? keyFaults(existing, demand.plan) : []),
  ]
  if (faults.length === 0) return
  const { schema, name } = demand.plan.table
  throw new Refusal(
    'state-conflict',
    `目标表 ${schema}.${name} 与交付不符:${faults.map(({ message }) => message).join(';')}`,
    { errors: faults },
  )
}

const fault = (column: string, code: string, message: string): RequestFault => ({
  pointer: `/columns/${column.replaceAll('~', '~0').replaceAll('/', '~1')}`,
  code,
  message,
})

function columnFaults(
  column: TableColumn,
  { columns }: ExistingTable,
  dialect: TargetDialect,
): RequestFault[] {
  const { name, type, isRequired } = column
  const existing = columns.find((each) => each.name === name)
  if (!existing) return [fault(name, 'missing', `缺少列“${name}”(column “${name}” is missing)`)]
  if (!dialect.fits(column, existing)) {
    const wanted = `${type}${sizeOf(column)}`
    const words = `列“${name}”为 ${existing.inWords},容不下 ${wanted}(does not fit)`
    return [fault(name, 'unfit', words)]
  }
  if (isRequired || !existing.isRequired) return []
  return [fault(name, 'required', `列“${name}”不允许为空(must accept NULL)`)]
}

const sizeOf = ({ length, scale }: TableColumn): string => {
  if (length === undefined) return ''
  return scale === undefined ? `(${length})` : `(${length},${scale})`
}

/** Columns of the store's owner, which the delivery leaves alone. */
const strangerFaults = ({ columns }: ExistingTable, plan: TablePlan): RequestFault[] => {
  const names = new Set(plan.columns.map(({ name }) => name))
  return columns
    .filter(({ name, isRequired, isFilled }) => !names.has(name) && isRequired && !isFilled)
    .map(({ name }) =>
      fault(name, 'unfilled', `列“${name}”必填而交付不含(is required, not part of the delivery)`),
    )
}

/**
 * Another unique key over delivered columns would refuse good rows, or with MySQL change the wrong one:
 * `on duplicate key update` takes any unique key for a match.
 */
function keyFaults({ uniqueKeys }: ExistingTable, plan: TablePlan): RequestFault[] {
  const wanted = plan.primaryKey.join(', ')
  const names = new Set(plan.columns.map(({ name }) => name))
  const isWanted = (key: readonly string[]): boolean =>
    key.length === plan.primaryKey.length && plan.primaryKey.every((name) => key.includes(name))
  const missing = uniqueKeys.some(isWanted)
    ? []
    : [fault(wanted, 'not-unique', `列“${wanted}”须唯一(must be unique)`)]
  const others = uniqueKeys.filter((key) => !isWanted(key) && key.every((name) => names.has(name)))
  return [
    ...missing,
    ...others.map((key) =>
      fault(key.join(', '), 'also-unique', `列“${key.join(', ')}”不得唯一(must not be unique)`),
    ),
  ]
}
