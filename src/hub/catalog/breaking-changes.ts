import { isDeepStrictEqual } from 'node:util'
import { maskKinds, sensitivities, type Field } from '../../../schemas/field.ts'
import { shareTypes } from '../../../schemas/api/resources.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { fault } from './faults.ts'
import type { KeptDraft, Shape } from './resource-rows.ts'

export interface Definition extends Shape {
  draft: KeptDraft
}

interface Change {
  before: Field
  after: Field
}

const rankOfMask = ({ mask }: Field): number => maskKinds.indexOf(mask ?? 'none')
const isSame = (part: keyof Field) => (change: Change) =>
  isDeepStrictEqual(change.before[part], change.after[part])
const digitsBefore = ({ length = Infinity, precision = 0 }: Field): number => length - precision

/** What must stay true of a field for those who read it (Decree 809, art. 27). */
const rules: Readonly<Record<string, (change: Change) => boolean>> = {
  type: isSame('type'),
  length: ({ before, after }) => (after.length ?? Infinity) >= (before.length ?? Infinity),
  precision: ({ before, after }) =>
    before.type !== 'decimal' ||
    ((after.precision ?? 0) >= (before.precision ?? 0) &&
      digitsBefore(after) >= digitsBefore(before)),
  required: ({ before, after }) => (before.required === true) === (after.required === true),
  codeTable: isSame('codeTable'),
  identifier: isSame('identifier'),
  identifierWhen: isSame('identifierWhen'),
  sensitivity: ({ before, after }) =>
    sensitivities.indexOf(after.sensitivity) <= sensitivities.indexOf(before.sensitivity),
  mask: ({ before, after }) => rankOfMask(after) <= rankOfMask(before),
  lookup: ({ before, after }) => before.lookup !== true || after.lookup === true,
  indexed: ({ before, after }) =>
    before.indexed !== true || after.indexed === true || after.lookup === true,
}

/**
 * What of a revision would break those who read the published version: these need a new resource or a
 * filed change. Fields may be added and widened; everything else that readers rely on stays.
 */
export function breakingChanges(before: Definition, after: Definition): RequestFault[] {
  return [...definitionFaults(before, after), ...changedFields(before.fields, after.fields, '')]
}

function changedFields(
  before: readonly Field[],
  after: readonly Field[],
  above: string,
): RequestFault[] {
  const old = new Map(before.map((field) => [field.name, field]))
  const names = new Set(after.map(({ name }) => name))
  const removed = before.filter(({ name }) => !names.has(name)).map(({ name }) => name)
  return [
    ...removed.map((name) =>
      broken(
        'field-removed',
        `信息项 ${above}${name} 被删除或改名 / ${above}${name} was removed or renamed`,
      ),
    ),
    ...after.flatMap((field) => {
      const known = old.get(field.name)
      return known ? oneField(known, field, above) : addedField(field, above)
    }),
  ]
}

const broken = (code: string, message: string): RequestFault => fault('/fields', code, message)

function oneField(before: Field, after: Field, above: string): RequestFault[] {
  const name = above + after.name
  const parts = Object.entries(rules).filter(([, holds]) => !holds({ before, after }))
  return [
    ...parts.map(([part]) =>
      broken(
        'field-changed',
        `信息项 ${name} 的 ${part} 不得收窄或改变 / ${part} of ${name} may be widened, not changed`,
      ),
    ),
    ...changedFields(before.fields ?? [], after.fields ?? [], `${name}.`),
  ]
}

/** Records that have landed have no value in it. */
const addedField = ({ name, required }: Field, above: string): RequestFault[] =>
  required === true
    ? [
        broken(
          'field-required',
          `新增信息项 ${above}${name} 不得必填 / An added field cannot be required: ${above}${name}`,
        ),
      ]
    : []

function definitionFaults(before: Definition, after: Definition): RequestFault[] {
  const faults: RequestFault[] = []
  const add = (pointer: string, message: string): void =>
    void faults.push(fault(pointer, 'definition-changed', message))
  if (!isDeepStrictEqual(before.keys, after.keys)) {
    add('/key', '主键不得改变 / The key may not change')
  }
  if (before.draft.standard !== after.draft.standard) {
    add('/standard', '数据标准不得改变 / The standard may not change')
  }
  if (before.draft.provider !== after.draft.provider) {
    add('/provider', '提供部门不得改变 / The provider may not change')
  }
  const rank = (draft: KeptDraft): number => shareTypes.indexOf(draft.share.type)
  if (rank(after.draft) > rank(before.draft)) {
    add('/share/type', '共享类型不得收紧 / Sharing may not become narrower')
  }
  return faults
}
