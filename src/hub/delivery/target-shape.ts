import type { Field } from '../../../schemas/field.ts'
import type { TargetColumn } from '../../connectors/contract.ts'
import { Refusal } from '../../shared/refusal.ts'
import { leavesOf } from '../records/field-paths.ts'
import type { Obligations } from '../sharing/decide.ts'

/** A granted field, and the column of the target that it fills. */
export interface DeliveredField {
  field: string
  column: TargetColumn
}

/**
 * The columns of a delivery: every field that the grant shows, under the name that the sync gives it or its
 * own. A child list is one column of JSON with its granted fields; a masked value is text of any length,
 * whatever its field is. Refuses `field-not-granted` where the sync names a field that the grant does not
 * show, and `request-invalid` where two fields would fill one column.
 */
export function deliveredFields(
  fields: readonly Field[],
  { columns, masks }: Pick<Obligations, 'columns' | 'masks'>,
  names: Readonly<Record<string, string>> | null,
): DeliveredField[] {
  const leaves = leavesOf(fields)
  const granted = new Set(columns.flatMap((path) => leaves.get(path)?.column ?? []))
  const stray = Object.keys(names ?? {}).filter(
    (name) => ![...granted].some((field) => field.name === name),
  )
  if (stray.length > 0) throw notGranted(stray)
  const delivered = [...granted].map((field) => ({
    field: field.name,
    column: columnOf(field, names?.[field.name] ?? field.name, masks),
  }))
  refuseDoubled(delivered)
  return delivered
}

function columnOf(field: Field, name: string, masks: Obligations['masks']): TargetColumn {
  const { title, type, length, precision } = field
  const isScalar = type !== 'array' && type !== 'object'
  if (isScalar && (masks[field.name] ?? 'none') !== 'none') return { name, title, type: 'text' }
  if (type === 'text') return { name, title, type, ...(length !== undefined && { length }) }
  return { name, title, type, ...(precision !== undefined && { scale: precision }) }
}

const notGranted = (names: readonly string[]): Refusal =>
  new Refusal(
    'field-not-granted',
    `交付列所列信息项未授权:${names.join('、')} / The grant does not show these fields of the delivery’s columns: ${names.join(', ')}`,
  )

function refuseDoubled(delivered: readonly DeliveredField[]): void {
  const names = delivered.map(({ column }) => column.name)
  const doubled = names.filter((name, place) => names.indexOf(name) !== place)
  if (doubled.length === 0) return
  throw new Refusal(
    'request-invalid',
    `两个信息项对应同一列:${doubled.join('、')} / Two fields fill one column: ${doubled.join(', ')}`,
  )
}
