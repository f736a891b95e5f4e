import { hash } from 'node:crypto'
import type pg from 'pg'
import { Parameters } from './sql-conditions.ts'

/** A query made once for many calls; `fixed` parameters follow those of each call. */
export interface Statement {
  text: string
  name: string | undefined
  fixed: readonly unknown[]
}

/** `callCount` parameters come with each call, then those that `compose` adds. */
export function makeStatement(
  callCount: number,
  compose: (parameters: Parameters) => string,
): Statement {
  const parameters = new Parameters(callCount)
  const text = compose(parameters)
  return { text, name: nameOf(text), fixed: parameters.values }
}

/** Keeps what is made once for each owner and name. */
export function keeper<Kept>(): (owner: object, name: string, make: () => Kept) => Kept {
  const byOwner = new WeakMap<object, Map<string, Kept>>()
  return (owner, name, make) => {
    const known = byOwner.get(owner) ?? new Map<string, Kept>()
    byOwner.set(owner, known)
    const kept = known.get(name) ?? make()
    known.set(name, kept)
    return kept
  }
}

/** Prepared statements live as long as their connection: beyond so many, further ones are not named. */
const namedMax = 500
const names = new Map<string, string>()

/** Named, so that each connection parses and plans it once (pitfalls, 24). */
function nameOf(text: string): string | undefined {
  const kept = names.get(text)
  if (kept !== undefined || names.size >= namedMax) return kept
  const name = `s${hash('sha256', text, 'hex').slice(0, 24)}`
  names.set(text, name)
  return name
}

/** Rows as lists in the order of the select list: no objects are made that nobody reads. */
export async function runStatement(
  pool: Pick<pg.Pool, 'query'>,
  { text, name, fixed }: Statement,
  values: readonly unknown[],
): Promise<unknown[][]> {
  const query = {
    text,
    values: fixed.length === 0 ? [...values] : [...values, ...fixed],
    rowMode: 'array' as const,
    ...(name !== undefined && { name }),
  }
  const { rows } = await pool.query<unknown[]>(query)
  return rows
}
