import { storedForm } from '../records/find-keys.ts'

/**
 * The form under which the log knows a key that led to no record, because the call was refused or nothing was
 * found: folded as look-ups fold it, so that a number typed full-width or between blanks is the same number.
 * `<field>:<value>` is folded on both sides of the colon. Applied twice it gives the same as once.
 */
export function subjectKey(typed: string): string {
  const folded = storedForm(typed)
  const at = folded.indexOf(':')
  if (at <= 0) return folded
  return `${storedForm(folded.slice(0, at))}:${storedForm(folded.slice(at + 1))}`
}
