/** Masks over granted fields: what a consumer sees of a value that it may not see whole. */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { Field, MaskKind } from '../../schemas/field.ts'
import { maskShapeOf, maskText } from './mask-shapes.ts'

type RecordMask = (record: Record<string, unknown>) => Record<string, unknown>
type ValueMask = (value: unknown) => unknown

export interface MaskContext {
  fields: readonly Field[]
  /** Secret of the hub; a hash without a key could be undone by trying all numbers. */
  key: Buffer
  /** What the hashes are stable within, such as a grant's id. */
  scope: string
}

/** A value with its telling part hidden, by the kind of field. Text for every scalar, a list for a list of texts. */
export function partialMask(value: unknown, field: Field): unknown {
  if (value == null) return value
  if (Array.isArray(value)) return value.map((entry: unknown) => partialMask(entry, field))
  const text = textOf(value)
  return text === undefined ? '*' : maskText(text, maskShapeOf(field))
}

/**
 * HMAC-SHA-256 of scope, a zero byte and the value, in base64url (43 characters). Equal values have
 * equal hashes within one scope, so that records can be joined; across scopes they tell nothing.
 */
export const hashMask = (value: string, key: Buffer | KeyObject, scope: string): string =>
  createHmac('sha256', key).update(`${scope}\u{0}${value}`).digest('base64url')

/** Scalars as text; objects without described fields have none and are hidden whole. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** The masks that the fields themselves ask for, by path (`holders.idNumber`). */
export function defaultMasks(fields: readonly Field[], prefix = ''): Record<string, MaskKind> {
  const masks: Record<string, MaskKind> = {}
  for (const field of fields) {
    const path = prefix + field.name
    if (field.mask !== undefined) masks[path] = field.mask
    if (field.fields) Object.assign(masks, defaultMasks(field.fields, `${path}.`))
  }
  return masks
}

/**
 * Compiles masks by field path to a function over records. It copies what it changes and leaves the
 * record alone. A mask on a child list covers all its fields, and a path of its own overrides it for
 * one of them. A path that names no field throws: a mask that hides nothing must not pass unseen.
 */
export function compileMasks(
  masks: Readonly<Record<string, MaskKind>>,
  { fields, key, scope }: MaskContext,
): RecordMask {
  const known = new Set(pathsOf(fields, ''))
  const stray = Object.keys(masks).find((path) => !known.has(path))
  if (stray !== undefined) throw new Error(`The mask names no field: ${stray}`)
  const secret = createSecretKey(key)
  const hash = (value: string): string => hashMask(value, secret, scope)
  return compileRecord(fields, { masks, hash, prefix: '', inherited: 'none' })
}

const pathsOf = (fields: readonly Field[], prefix: string): string[] =>
  fields.flatMap((field) => [
    prefix + field.name,
    ...pathsOf(field.fields ?? [], `${prefix}${field.name}.`),
  ])

interface Compilation {
  masks: Readonly<Record<string, MaskKind>>
  hash: (value: string) => string
  prefix: string
  inherited: MaskKind
}

function compileRecord(fields: readonly Field[], compilation: Compilation): RecordMask {
  const steps: { name: string; mask: ValueMask }[] = []
  for (const field of fields) {
    const mask = compileField(field, compilation)
    if (mask) steps.push({ name: field.name, mask })
  }
  return (record) => {
    const masked = { ...record }
    for (const { name, mask } of steps) {
      if (masked[name] != null) masked[name] = mask(masked[name])
    }
    return masked
  }
}

function compileField(field: Field, compilation: Compilation): ValueMask | undefined {
  const path = compilation.prefix + field.name
  const kind = compilation.masks[path] ?? compilation.inherited
  if (field.fields) {
    return compileChildren(field.fields, { ...compilation, prefix: `${path}.`, inherited: kind })
  }
  if (kind === 'none') return undefined
  return kind === 'partial' ? (value) => partialMask(value, field) : hashValues(compilation.hash)
}

/** A child list, or one child; an entry that is no object cannot be told apart from its parts and is hidden whole. */
function compileChildren(
  fields: readonly Field[],
  compilation: Compilation,
): ValueMask | undefined {
  const hasMask = pathsOf(fields, compilation.prefix).some(
    (path) => (compilation.masks[path] ?? compilation.inherited) !== 'none',
  )
  if (!hasMask) return undefined
  const maskChild = compileRecord(fields, compilation)
  const maskEntry: ValueMask = (entry) => (isRecord(entry) ? maskChild(entry) : '*')
  return (value) => (Array.isArray(value) ? value.map(maskEntry) : maskEntry(value))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const hashValues =
  (hash: (value: string) => string): ValueMask =>
  (value) => {
    if (Array.isArray(value)) return value.map(hashValues(hash))
    return hash(textOf(value) ?? JSON.stringify(value))
  }
