import { hasUnstorable } from '../../shared/names.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { escapePointer } from '../http/validation.ts'
import { fault } from './faults.ts'

/** Every text of a body that PostgreSQL cannot hold: JSON may carry NUL and half of a surrogate pair. */
export function unstorableFaults(value: unknown, pointer = ''): RequestFault[] {
  if (typeof value === 'string') {
    const message = '含有无法存储的字符,请清除 / A character cannot be stored; remove it'
    return hasUnstorable(value) ? [fault(pointer, 'char-not-storable', message)] : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => [
    ...unstorableFaults(name, `${pointer}/${escapePointer(name)}`),
    ...unstorableFaults(part, `${pointer}/${escapePointer(name)}`),
  ])
}
