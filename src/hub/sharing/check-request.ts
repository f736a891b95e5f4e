import type { ApplicationDraft, Masks, Rows } from '../../../schemas/api/sharing.ts'
import type { Field, MaskKind } from '../../../schemas/field.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import { fault } from '../catalog/faults.ts'
import { escapePointer } from '../http/validation.ts'
import { expandPath, isPersonal, leafField, leavesOf } from '../records/field-paths.ts'
import { typedText } from '../records/field-values.ts'

/** What an application names must exist, be of the right type and lie in the future. All faults at once. */
export function checkRequest(fields: readonly Field[], draft: ApplicationDraft, now: Date): void {
  const errors = [
    ...fieldFaults(fields, draft.fields),
    ...rowFaults(fields, draft.rows),
    ...periodFaults(draft.validUntil, now),
  ]
  if (errors.length === 0) return
  throw new Refusal('request-invalid', '共享申请不合规 / The application is invalid', { errors })
}

const fieldFaults = (fields: readonly Field[], asked: readonly string[]): RequestFault[] =>
  asked.flatMap((path, index) =>
    expandPath(fields, path).length > 0
      ? []
      : [
          fault(
            `/fields/${index}`,
            'field-unknown',
            `资源没有信息项 ${path} / The resource has no field ${path}`,
          ),
        ],
  )

export function rowFaults(fields: readonly Field[], rows: Rows | undefined): RequestFault[] {
  const leaves = leavesOf(fields)
  return Object.entries(rows ?? {}).flatMap(([path, values]) => {
    const leaf = leaves.get(path)
    const pointer = `/rows/${escapePointer(path)}`
    if (!leaf || leafField(leaf).type === 'object') {
      return [
        fault(
          pointer,
          'field-unknown',
          `不能按 ${path} 限定行 / Rows cannot be limited by ${path}`,
        ),
      ]
    }
    return values.flatMap((value, index) =>
      typedText(value, leafField(leaf)) !== null
        ? []
        : [
            fault(
              `${pointer}/${index}`,
              'type',
              '值的类型与信息项不符 / The value is not of the field’s type',
            ),
          ],
    )
  })
}

function periodFaults(validUntil: string, now: Date): RequestFault[] {
  const until = instantOf(validUntil)
  if (!Number.isNaN(until.getTime()) && until > now) return []
  return [fault('/validUntil', 'date-past', '使用时限须在将来 / The period must end in the future')]
}

const dateLength = 'YYYY-MM-DD'.length
const dayMs = 86_400_000

/** The end of a period: an instant as it is, a date with its last moment in Shanghai. */
export function instantOf(validUntil: string): Date {
  if (validUntil.length > dateLength) return new Date(validUntil)
  return new Date(Date.parse(`${validUntil}T00:00:00+08:00`) + dayMs)
}

/** Row limits with every value as text of its field's type; null where there are none. */
export function frozenRows(
  fields: readonly Field[],
  rows: Rows | undefined,
): Record<string, string[]> | null {
  const limits = Object.entries(rows ?? {})
  if (limits.length === 0) return null
  const leaves = leavesOf(fields)
  return Object.fromEntries(
    limits.map(([path, values]) => {
      const leaf = leaves.get(path)
      const texts = leaf ? values.map((value) => typedText(value, leafField(leaf))) : []
      return [path, texts.filter((text) => text !== null)]
    }),
  )
}

/**
 * The masks of a grant, frozen leaf by leaf: what the decision says, else the field's own mask, else
 * `partial` for what is personal or sensitive. Where no value is ever shown (verify alone) there is
 * nothing to mask, and a masked field could not be claimed: only the decision's own masks count.
 */
export function frozenMasks(
  fields: readonly Field[],
  paths: readonly string[],
  { said = {}, showsValues }: { said?: Masks | undefined; showsValues: boolean },
): Masks {
  const leaves = leavesOf(fields)
  const masks: Record<string, MaskKind> = {}
  for (const path of paths) {
    const leaf = leaves.get(path)
    if (!leaf) continue
    const own = leafField(leaf).mask ?? (isPersonal(leaf) ? 'partial' : 'none')
    const kind = said[path] ?? said[leaf.column.name] ?? (showsValues ? own : 'none')
    if (kind !== 'none') masks[path] = kind
  }
  return masks
}
