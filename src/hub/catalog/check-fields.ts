import type { Field, FieldType } from '../../../schemas/field.ts'
import { findCodeTable } from '../../shared/code-tables.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { reservedFieldNames } from '../../shared/standards.ts'
import { fault } from './faults.ts'

export const fieldLimits = {
  /** Fields of one resource, the standard's included; the record table has a column for each. */
  fieldsMax: 500,
  /** Look-up and indexed fields together: each costs every write an index entry. */
  indexedMax: 48,
  /** Code points of an indexed text: an index entry of PostgreSQL holds 2,704 bytes, a code point up to 4. */
  indexedLengthMax: 600,
  /** What an indexed text may hold when the draft names no length. */
  indexedLengthDefault: 200,
  decimalDigitsMax: 100,
} as const

/** A field with the place where the draft gives it. */
export interface PlacedField {
  field: Field
  pointer: string
}

const isTextual = ({ type, fields }: Field): boolean =>
  type === 'text' || (type === 'array' && fields === undefined)

/** One value, of which equality means something. */
export const isScalar = ({ type }: Pick<Field, 'type'>): boolean =>
  type !== 'object' && type !== 'array'

const isIndexed = ({ lookup, indexed }: Field): boolean => lookup === true || indexed === true

/** What is wrong with the fields that a draft gives itself; `all` are the resource's fields together. */
export function fieldFaults(given: readonly PlacedField[], all: readonly Field[]): RequestFault[] {
  return [
    ...duplicateFaults(given),
    ...countFaults(all),
    ...given.flatMap(({ field, pointer }) => [
      ...oneFieldFaults(field, pointer, { siblings: all, isChild: false }),
      ...(field.fields ?? []).flatMap((child, index) =>
        oneFieldFaults(child, `${pointer}/fields/${index}`, {
          siblings: field.fields ?? [],
          isChild: true,
        }),
      ),
      ...duplicateFaults(
        (field.fields ?? []).map((child, index) => ({
          field: child,
          pointer: `${pointer}/fields/${index}`,
        })),
      ),
    ]),
  ]
}

function duplicateFaults(given: readonly PlacedField[]): RequestFault[] {
  const seen = new Set<string>()
  return given.flatMap(({ field: { name }, pointer }) => {
    const isNew = !seen.has(name)
    seen.add(name)
    if (isNew) return []
    const message = `信息项名称重复: ${name} / The field name is used twice`
    return [fault(`${pointer}/name`, 'duplicate', message)]
  })
}

function countFaults(all: readonly Field[]): RequestFault[] {
  const faults: RequestFault[] = []
  if (all.length > fieldLimits.fieldsMax) {
    const message = `信息项最多 ${fieldLimits.fieldsMax} 个(含标准的) / At most ${fieldLimits.fieldsMax} fields, the standard's included`
    faults.push(fault('/fields', 'length', message))
  }
  const indexedCount = all.filter((field) => isIndexed(field)).length
  if (indexedCount > fieldLimits.indexedMax) {
    const message = `查询项与索引项合计最多 ${fieldLimits.indexedMax} 个 / At most ${fieldLimits.indexedMax} look-up and indexed fields`
    faults.push(fault('/fields', 'indexed-count', message))
  }
  return faults
}

interface Surroundings {
  siblings: readonly Field[]
  isChild: boolean
}

const oneFieldFaults = (field: Field, pointer: string, around: Surroundings): RequestFault[] => [
  ...nameFaults(field, pointer),
  ...shapeFaults(field, pointer, around),
  ...sizeFaults(field, pointer),
  ...codeFaults(field, pointer, around),
  ...findingFaults(field, pointer, around),
]

function nameFaults({ name }: Field, pointer: string): RequestFault[] {
  if (!reservedFieldNames.has(name)) return []
  const words = [...reservedFieldNames].join('、')
  const message = `名称被接口占用,请改名(${words}) / The name is reserved; choose another`
  return [fault(`${pointer}/name`, 'reserved', message)]
}

function shapeFaults(field: Field, pointer: string, { isChild }: Surroundings): RequestFault[] {
  const hasChildren = field.fields !== undefined && field.fields.length > 0
  if (isChild && !isScalar(field)) {
    const message = '子项只能有一层,须为单个值 / Children go one level deep and hold single values'
    return [fault(`${pointer}/type`, 'children-depth', message)]
  }
  if (field.fields !== undefined && isScalar(field)) {
    const message = '只有 array 与 object 才有子项 / Only an array or object has fields of its own'
    return [fault(`${pointer}/fields`, 'type', message)]
  }
  if (field.type === 'object' && !hasChildren) {
    const message = 'object 须列出子项 / An object must list its fields'
    return [fault(`${pointer}/fields`, 'required', message)]
  }
  return []
}

const sizedTypes: readonly FieldType[] = ['text', 'integer', 'decimal', 'array']

function sizeFaults(field: Field, pointer: string): RequestFault[] {
  const { type, length, precision } = field
  const faults: RequestFault[] = []
  if (length !== undefined && (!sizedTypes.includes(type) || field.fields !== undefined)) {
    const message = '此类型没有长度 / This type has no length'
    faults.push(fault(`${pointer}/length`, 'length', message))
  }
  if (precision !== undefined && type !== 'decimal') {
    const message = '只有 decimal 有小数位数 / Only a decimal has a precision'
    faults.push(fault(`${pointer}/precision`, 'precision', message))
  }
  if (type === 'decimal' && (length ?? 0) > fieldLimits.decimalDigitsMax) {
    const message = `数值最多 ${fieldLimits.decimalDigitsMax} 位 / At most ${fieldLimits.decimalDigitsMax} digits`
    faults.push(fault(`${pointer}/length`, 'range', message))
  }
  if (type === 'decimal' && length !== undefined && (precision ?? 0) > length) {
    const message = '小数位数不得超过总位数 / The precision exceeds the length'
    faults.push(fault(`${pointer}/precision`, 'precision', message))
  }
  return faults
}

function codeFaults(field: Field, pointer: string, { siblings }: Surroundings): RequestFault[] {
  const { codeTable, identifier, identifierWhen } = field
  const faults: RequestFault[] = []
  const add = (part: string, code: string, message: string): void =>
    void faults.push(fault(`${pointer}/${part}`, code, message))
  if (codeTable !== undefined && !findCodeTable(codeTable)) {
    add('codeTable', 'code-table-unknown', `没有码表 ${codeTable} / There is no such code table`)
  }
  if (codeTable !== undefined && !isTextual(field)) {
    add('codeTable', 'type', '只有文本才有码表 / Only a text has a code table')
  }
  if (identifier !== undefined && !isTextual(field)) {
    add('identifier', 'type', '只有文本才能是标识号码 / Only a text can be an identifier')
  }
  if (identifierWhen !== undefined && identifier === undefined) {
    add('identifierWhen', 'identifier', '须同时给出 identifier / It needs `identifier` beside it')
  }
  if (identifierWhen && !siblings.some(({ name }) => name === identifierWhen.field)) {
    const message = `没有同级信息项 ${identifierWhen.field} / There is no such field beside it`
    add('identifierWhen/field', 'field-unknown', message)
  }
  return faults
}

const lookupTypes: readonly FieldType[] = ['text', 'integer', 'date']

function findingFaults(field: Field, pointer: string, { isChild }: Surroundings): RequestFault[] {
  const faults: RequestFault[] = []
  const add = (part: string, code: string, message: string): void =>
    void faults.push(fault(`${pointer}/${part}`, code, message))
  if (field.lookup === true && !isTextual(field) && !lookupTypes.includes(field.type)) {
    add(
      'lookup',
      'type',
      '查询键须为文本、整数、日期或文本列表 / A look-up is a text, integer, date or list of texts',
    )
  }
  if (isChild && field.indexed === true && field.lookup !== true) {
    add('indexed', 'type', '子项请用 lookup / A child is found by `lookup`')
  }
  if (!isChild && field.indexed === true && !isScalar(field) && !isTextual(field)) {
    add(
      'indexed',
      'type',
      '子项列表不能整体索引,请索引其子项 / Give `lookup` to its children instead',
    )
  }
  const { indexedLengthMax } = fieldLimits
  if (isIndexed(field) && field.type === 'text' && (field.length ?? 0) > indexedLengthMax) {
    add(
      'length',
      'length',
      `可查询的文本最长 ${indexedLengthMax} 字 / A text that is looked up has at most ${indexedLengthMax} characters`,
    )
  }
  return faults
}
