import canonicalize from 'canonicalize'
import { instantText } from '../../shared/instants.ts'
import { auditLimits } from './limits.ts'

/*
 * Whatever an area hands over becomes plain, bounded JSON: an entry is never refused for its values, and
 * no value may spoil a batch (PostgreSQL takes no U+0000 in text, canonical JSON no lone surrogate).
 */

/** A control character other than tab and line feed. */
const control = /[^\P{Cc}\t\n]/u
const everyControl = /[^\P{Cc}\t\n]/gu

const escapeControl = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Printable ASCII that JSON writes as it is: nearly every text there is. */
const ordinary = /^[ !#-[\]-~]*$/

const isOrdinary = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= auditLimits.textCharactersMax && ordinary.test(value)

/** `plainText` under the usual limit, at once where there is nothing to change. */
export const plainWord = (value: unknown): string => (isOrdinary(value) ? value : plainText(value))

/** Canonical JSON (RFC 8785) of what `plainText` makes of a value. */
export const canonicalText = (value: unknown): string =>
  isOrdinary(value) ? `"${value}"` : JSON.stringify(plainText(value))

/** Control characters written as `\u0000`, lone surrogates as U+FFFD, the rest beyond the limit as `…(+123)`. */
export function plainText(
  value: unknown,
  charactersMax: number = auditLimits.textCharactersMax,
): string {
  const text = typeof value === 'string' ? value : describe(value)
  const kept = text.length > charactersMax ? text.slice(0, charactersMax) : text
  const formed = kept.isWellFormed() ? kept : kept.toWellFormed()
  const clean = control.test(formed) ? formed.replace(everyControl, escapeControl) : formed
  return kept === text ? clean : `${clean}…(+${text.length - charactersMax})`
}

/** What is no text although it should be: said as text rather than lost. */
function describe(value: unknown): string {
  if (value instanceof Date) return plainInstant(value)
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value)
  return String(value)
}

/** RFC 3339 in UTC; an invalid date is said to be one. */
export const plainInstant = (value: Date): string =>
  Number.isNaN(value.getTime()) ? 'Invalid Date' : instantText(value.getTime())

/** Canonical JSON of a list of texts, cut to the limit with a last item that says how many are missing. */
export function canonicalTexts(values: readonly unknown[]): string {
  const items = values.slice(0, auditLimits.listItemsMax).map(canonicalText)
  if (values.length > items.length) items.push(`"…(+${values.length - items.length})"`)
  return `[${items.join(',')}]`
}

/**
 * Canonical JSON of a note. One that is too long is replaced by its length and its beginning: the
 * beginning is text, for half a JSON document cannot be read as one.
 */
export function canonicalNote(note: unknown): string {
  const text =
    canonicalize(plainValue(note, { valuesLeft: auditLimits.noteValuesMax }, 0)) ?? 'null'
  const { noteCharactersMax } = auditLimits
  if (text.length <= noteCharactersMax) return text
  const beginning = text.slice(0, noteCharactersMax / 2).toWellFormed()
  return canonicalize({ beginning, charactersOmitted: text.length - beginning.length }) ?? 'null'
}

/** Counts down over the whole note, so that neither width nor depth, nor a cycle, can run away. */
interface Budget {
  valuesLeft: number
}

function plainValue(value: unknown, budget: Budget, depth: number): unknown {
  budget.valuesLeft--
  if (budget.valuesLeft < 0 || depth > auditLimits.noteDepthMax) return '…'
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (Array.isArray(value)) return plainItems(value, budget, depth)
  if (typeof value === 'object' && !(value instanceof Date))
    return plainMembers(value, budget, depth)
  return plainText(value, auditLimits.noteCharactersMax / 2)
}

function plainItems(items: readonly unknown[], budget: Budget, depth: number): unknown[] {
  const plain: unknown[] = []
  for (const item of items) {
    plain.push(item === undefined ? null : plainValue(item, budget, depth + 1))
    if (budget.valuesLeft < 0) break
  }
  return plain
}

function plainMembers(members: object, budget: Budget, depth: number): Record<string, unknown> {
  const plain: [string, unknown][] = []
  for (const [name, member] of Object.entries(members)) {
    if (member === undefined) continue
    plain.push([plainText(name, 100), plainValue(member, budget, depth + 1)])
    if (budget.valuesLeft < 0) break
  }
  // Not by assignment: a member named __proto__ would be lost.
  return Object.fromEntries(plain)
}
