/** What a check of one identifier says, and the frame that all kinds share. */
import { foldWidth } from '../names.ts'

export type IdentifierFault =
  | 'identifier-form'
  | 'identifier-check-digit'
  | 'identifier-date'
  | 'identifier-masked'

/** Worth a flag, never a rejection: `standards` §3.1 and §3.2 know real numbers that have them. */
export type IdentifierWarning = 'identifier-organisation' | 'division-unknown'

/** A sound value in its stored form (`null`: a placeholder that means "no value"), or a fault with the value as it came. */
export type IdentifierResult =
  | { value: string | null; warning?: IdentifierWarning; code?: undefined }
  | { code: IdentifierFault; value: string; warning?: undefined }

/** `today` is `YYYY-MM-DD`, the date in Asia/Shanghai. */
export type IdentifierCheck = (value: string, today: string) => IdentifierResult

interface IdentifierScheme {
  /** The fault of a value that should be in its stored form. Runs for every row: no allocation. */
  faultOf: (value: string, today: string) => IdentifierFault | undefined
  /** The stored form of a trimmed, half-width, upper-case value; `null` for a placeholder. */
  storedForm: (tidied: string) => string | null
  /** Asked about sound values only. */
  warningOf?: (value: string) => IdentifierWarning | undefined
}

/**
 * A value that is sound as it came costs one pass. Only one that is not is looked at again: is it
 * masked, a placeholder, or written in another way (width, case, spaces, dashes)?
 */
export function identifierCheck(scheme: IdentifierScheme): IdentifierCheck {
  const { faultOf, storedForm, warningOf } = scheme
  return (value, today) => {
    if (faultOf(value, today) === undefined) return sound(value, warningOf?.(value))
    if (isMasked(value)) return { code: 'identifier-masked', value }
    const stored = storedForm(foldWidth(value).trim().toUpperCase())
    if (stored === null || stored === '') return { value: null }
    const code = faultOf(stored, today)
    return code === undefined ? sound(stored, warningOf?.(stored)) : { code, value }
  }
}

const sound = (value: string, warning: IdentifierWarning | undefined): IdentifierResult =>
  warning === undefined ? { value } : { value, warning }

/** Masked values (`330203************`) are never identifiers, for anyone (`records.md`). */
export const isMasked = (value: string): boolean => value.includes('*') || value.includes('＊')

/** The value of each character by its code; -1 for those that the alphabet lacks. */
export function characterValues(alphabet: string): Int8Array {
  const values = new Int8Array(128).fill(-1)
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i
  return values
}

/** True when the characters from `start` up to `end` are all ASCII digits. */
export function areDigits(text: string, start: number, end: number): boolean {
  if (end > text.length) return false
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return false
  }
  return true
}
