import { pageLimitDefault } from '../../../schemas/api/common.ts'
import { hasUnstorable } from '../../shared/names.ts'
import { Refusal } from '../../shared/refusal.ts'

type KeyPart = string | number

/** The place in a list after which to go on: opaque to callers, so that its content may change. */
export const encodeCursor = (key: readonly KeyPart[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url')

/** Reads a cursor of `partCount` parts; anything else is `request-invalid`. */
export function decodeCursor(cursor: string, partCount: number): KeyPart[] {
  const parts = parseParts(cursor)
  if (Array.isArray(parts) && parts.length === partCount && parts.every(isKeyPart)) return parts
  throw cursorInvalid()
}

/** Whatever the hub could have written there: a caller's own cursor must not reach the database as a fault. */
const isKeyPart = (part: unknown): part is KeyPart =>
  typeof part === 'string' ? !hasUnstorable(part) : Number.isSafeInteger(part)

/** A cursor of one whole number, not below zero. */
export function decodeNumberCursor(cursor: string): number {
  const [place] = decodeCursor(cursor, 1)
  if (typeof place === 'number' && place >= 0) return place
  throw cursorInvalid()
}

const cursorInvalid = (): Refusal =>
  new Refusal(
    'request-invalid',
    '游标无效,请使用上一页的 next / The cursor is invalid; use `next`',
    {
      errors: [
        { pointer: '/after', code: 'cursor', message: '游标无效 / not a cursor of this list' },
      ],
    },
  )

function parseParts(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}

export interface PageRequest {
  limit: number
  /** Id after which the page begins. */
  after: string | null
}

/** `?limit=&after=` of a list that is ordered by id. */
export function readPage(query: { limit?: number; after?: string }): PageRequest {
  const after = query.after === undefined ? null : String(decodeCursor(query.after, 1)[0])
  return { limit: query.limit ?? pageLimitDefault, after }
}

export interface Page<Item> {
  items: Item[]
  next: string | null
}

/** A page out of `limit + 1` rows: the one too many tells that there are more. */
export function toPage<Item>(
  rows: Item[],
  limit: number,
  keyOf: (item: Item) => readonly KeyPart[],
): Page<Item> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last ? encodeCursor(keyOf(last)) : null }
}
