import type { Field, Standard } from '../../../schemas/field.ts'
import type { ResourceDraft } from '../../../schemas/api/resources.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { standards } from '../../shared/standards.ts'
import { adjustField } from './adjust-field.ts'
import { fieldFaults, fieldLimits, isScalar, type PlacedField } from './check-fields.ts'
import { fault } from './faults.ts'
import type { Shape } from './resource-rows.ts'

type Fielded = Pick<ResourceDraft, 'standard' | 'fields' | 'key'>

export interface Resolved extends Shape {
  faults: readonly RequestFault[]
}

/**
 * A resource's fields and merge keys: the standard's, adjusted and extended by the draft, or the draft's
 * alone. `former` are the fields of its last version, which keep their order, since indexes are called by
 * their column's place.
 */
export function resolveFields(draft: Fielded, former: readonly Field[] = []): Resolved {
  const standard = draft.standard === undefined ? undefined : standards().get(draft.standard)
  if (draft.standard !== undefined && !standard) {
    const message = `没有数据标准 ${draft.standard} / There is no standard ${draft.standard}`
    return { fields: [], keys: [], faults: [fault('/standard', 'standard-unknown', message)] }
  }
  const placed = (draft.fields ?? []).map((field, index) => ({
    field,
    pointer: `/fields/${index}`,
  }))
  const { all, given, faults } = extend(standard, placed)
  const keyNames = new Set(draft.key)
  const fields = inFormerOrder(all, former).map((field) => complete(field, keyNames))
  return {
    fields,
    keys: draft.key ? [draft.key] : (standard?.keys ?? []),
    faults: [...faults, ...fieldFaults(given, fields), ...keyFaults(draft, fields)],
  }
}

function extend(standard: Standard | undefined, placed: readonly PlacedField[]) {
  const byName = new Map((standard?.fields ?? []).map((field) => [field.name, field]))
  const faults: RequestFault[] = []
  const given: PlacedField[] = []
  for (const { field, pointer } of placed) {
    const ours = standard?.fields.find(({ name }) => name === field.name)
    const adjusted = ours ? adjustField(ours, field, pointer) : { field, faults: [] }
    byName.set(field.name, adjusted.field)
    faults.push(...adjusted.faults)
    given.push({ field: asGiven(adjusted.field, field), pointer })
  }
  return { all: [...byName.values()], given, faults }
}

/** The adjusted field with only the children that the draft names, in its order: pointers count those. */
function asGiven(adjusted: Field, given: Field): Field {
  if (!given.fields || !adjusted.fields) return adjusted
  const children = new Map(adjusted.fields.map((child) => [child.name, child]))
  return { ...adjusted, fields: given.fields.map((child) => children.get(child.name) ?? child) }
}

function inFormerOrder(fields: readonly Field[], former: readonly Field[]): Field[] {
  const places = new Map(former.map(({ name }, place) => [name, place]))
  const placeOf = ({ name }: Field): number => places.get(name) ?? former.length
  return fields.toSorted((one, other) => placeOf(one) - placeOf(other))
}

/** What a draft may leave out: every indexed text and every decimal has a limit, every personal value a mask. */
function complete(field: Field, keyNames: ReadonlySet<string>): Field {
  const isKey = keyNames.has(field.name)
  const completed: Field = { ...field }
  const isFound = isKey || field.lookup === true || field.indexed === true
  if (isFound && field.type === 'text') completed.length ??= fieldLimits.indexedLengthDefault
  if (field.type === 'decimal') {
    // N..24,6 is the widest decimal of the standards' own tables (§1.4); a length alone means whole numbers.
    completed.precision ??= field.length === undefined ? 6 : 0
    completed.length ??= 24
  }
  const isPersonal = field.sensitivity === 'personal' || field.sensitivity === 'sensitive'
  if (isPersonal && !field.fields) completed.mask ??= 'partial'
  if (isKey) completed.required = true
  if (field.fields) completed.fields = field.fields.map((child) => complete(child, new Set()))
  return completed
}

function keyFaults(draft: Fielded, fields: readonly Field[]): RequestFault[] {
  const faults: RequestFault[] = []
  if (draft.standard === undefined && draft.fields === undefined) {
    const message = '未采用数据标准时须列出信息项 / Without a standard the fields must be listed'
    faults.push(fault('/fields', 'required', message))
  }
  if (draft.standard === undefined && draft.key === undefined) {
    const message = '未采用数据标准时须指定主键 / Without a standard the key must be named'
    faults.push(fault('/key', 'required', message))
  }
  const named = (draft.key ?? []).flatMap((name, index) =>
    oneKeyFaults(draft, fields, { name, index }),
  )
  if (new Set(draft.key).size < (draft.key?.length ?? 0)) {
    faults.push(fault('/key', 'duplicate', '主键中有重复的信息项 / The key names a field twice'))
  }
  return [...faults, ...named]
}

function oneKeyFaults(
  draft: Fielded,
  fields: readonly Field[],
  { name, index }: { name: string; index: number },
): RequestFault[] {
  const pointer = `/key/${index}`
  const field = fields.find((other) => other.name === name)
  if (!field) {
    return [fault(pointer, 'field-unknown', `没有信息项 ${name} / There is no field ${name}`)]
  }
  if (!isScalar(field)) {
    const message = `主键须为单个值: ${name} / A key field holds a single value`
    return [fault(pointer, 'type', message)]
  }
  if (draft.fields?.find((given) => given.name === name)?.required === false) {
    const message = `主键必填: ${name} 不得为可选 / A key field is required`
    return [fault(pointer, 'required', message)]
  }
  return []
}
