import type { Field } from '../../../schemas/field.ts'

/**
 * A value of a filter or row limit as text that PostgreSQL surely reads as the field's type; null when
 * it is none: what was asked for in words must not become a database fault.
 */
export function typedText(value: unknown, field: Field): string | null {
  const text = scalarText(value)
  if (text === null || text.includes('\0')) return null
  return forms[field.type](text)
}

function scalarText(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : null
}

const matching =
  (pattern: RegExp) =>
  (text: string): string | null =>
    pattern.test(text) ? text : null

const forms: Record<Field['type'], (text: string) => string | null> = {
  text: (text) => text,
  integer: matching(/^-?\d{1,18}$/),
  decimal: matching(/^-?\d{1,100}(\.\d{1,100})?$/),
  date: calendarDate,
  datetime: instant,
  boolean: matching(/^(true|false)$/),
  object: () => null,
  // A list of texts holds texts.
  array: (text) => text,
}

function calendarDate(text: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) && text >= '0001'
    ? text
    : null
}

function instant(text: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}/.test(text)) return null
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** The type that a field's values have in SQL, for casts of parameters. */
export const sqlTypes: Record<Field['type'], string> = {
  text: 'text',
  integer: 'bigint',
  decimal: 'numeric',
  date: 'date',
  datetime: 'timestamptz',
  boolean: 'boolean',
  object: 'jsonb',
  array: 'text',
}
