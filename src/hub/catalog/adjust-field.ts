import { isDeepStrictEqual } from 'node:util'
import { sensitivities, type Field } from '../../../schemas/field.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { fault } from './faults.ts'

interface Change {
  standard: Field
  given: Field
}

/**
 * What a resource may not do to a field of its standard: it may retitle it, protect it more, find by it,
 * demand it, or take less in it, but readers of the standard must find in it what the standard says.
 */
const rules: Readonly<Record<string, (change: Change) => boolean>> = {
  type: ({ standard, given }) => standard.type === given.type,
  length: ({ standard, given }) => (given.length ?? 0) <= (standard.length ?? Infinity),
  precision: ({ standard, given }) => (given.precision ?? 0) <= (standard.precision ?? Infinity),
  required: ({ standard, given }) => !(standard.required === true && given.required === false),
  lookup: ({ standard, given }) => !(standard.lookup === true && given.lookup === false),
  indexed: ({ standard, given }) => !(standard.indexed === true && given.indexed === false),
  codeTable: isSameOrNew('codeTable'),
  identifier: isSameOrNew('identifier'),
  identifierWhen: isSameOrNew('identifierWhen'),
  sensitivity: ({ standard, given }) =>
    sensitivities.indexOf(given.sensitivity) >= sensitivities.indexOf(standard.sensitivity),
}

function isSameOrNew(part: 'codeTable' | 'identifier' | 'identifierWhen') {
  return ({ standard, given }: Change): boolean =>
    given[part] === undefined ||
    standard[part] === undefined ||
    isDeepStrictEqual(given[part], standard[part])
}

/** A standard's field as the draft adjusts it, and what it may not do to it. */
export function adjustField(
  standard: Field,
  given: Field,
  pointer: string,
): { field: Field; faults: RequestFault[] } {
  const faults = Object.entries(rules)
    .filter(([, isKept]) => !isKept({ standard, given }))
    .map(([part]) => {
      const message = `不得改变标准信息项 ${standard.name} 的 ${part},只能收窄 / A field of the standard may be narrowed, not changed (${part})`
      return fault(`${pointer}/${part}`, 'standard-field', message)
    })
  const children = adjustChildren(standard, given, pointer)
  const field = { ...standard, ...given }
  if (children) Object.assign(field, { fields: children.fields })
  return { field, faults: [...faults, ...(children?.faults ?? [])] }
}

/** Children that the draft does not name stay as they are; new ones stand behind them. */
function adjustChildren({ fields: ours }: Field, { fields: given }: Field, pointer: string) {
  if (!ours || !given) return undefined
  const faults: RequestFault[] = []
  const byName = new Map(ours.map((child) => [child.name, child]))
  for (const [index, child] of given.entries()) {
    const standard = ours.find(({ name }) => name === child.name)
    if (!standard) byName.set(child.name, child)
    else {
      const adjusted = adjustField(standard, child, `${pointer}/fields/${index}`)
      byName.set(child.name, adjusted.field)
      faults.push(...adjusted.faults)
    }
  }
  return { fields: [...byName.values()], faults }
}
