import type pg from 'pg'
import { runTogether } from './pipelined-reads.ts'
import { makeStatement, runStatement, type Statement } from './statements.ts'

/**
 * What must still hold when the record is read, in the very statement that reads it, so that nothing
 * remembered can be stale (pitfalls, 8): the grant and the system, each by its version.
 */
export interface Proof {
  grantId: string
  grantVersion: number
  systemId: string
  systemVersion: number
}

export type Proven<T> = { held: 'all'; found: T } | { held: 'no-grant' | 'no-system' }

/** Parameters of the proof: the first four of every statement here. */
const proofValues = (proof: Proof): unknown[] => [
  proof.grantId,
  proof.grantVersion,
  proof.systemId,
  proof.systemVersion,
]
export const proofCount = 4

/**
 * One row at least: whether grant and system hold, then the cells of `found` where both do. Materialised,
 * for otherwise the planner asks both questions twice.
 */
export const proven = (found: string): string => `${held}
  select held.grant_held, held.system_held, found.*
  from held left join lateral (${found}) found on held.grant_held and held.system_held`

/** The same for each row of `asked` ("a", with its place), under one proof; the place stands behind the cells. */
export const provenEach = (asked: string, found: string): string => `${held}
  select held.grant_held, held.system_held, found.*, a.place
  from held cross join ${asked} left join lateral (${found}) found on held.grant_held and held.system_held`

const held = `with held as materialized (select
    exists (select from hub.grants where id = $1 and version = $2 and state = 'active' and valid_from <= now() and valid_until > now()) as grant_held,
    exists (select from hub.systems where id = $3 and version = $4 and state = 'active') as system_held)`

/** Rows of a proven statement without the two cells of the proof; what is missing comes as no row. */
export async function runProven(
  pool: Pick<pg.Pool, 'query'>,
  statement: Statement,
  call: { proof: Proof; values: readonly unknown[] },
): Promise<Proven<unknown[][]>> {
  return judgeRows(
    await runStatement(pool, statement, [...proofValues(call.proof), ...call.values]),
  )
}

/** A proven statement of one look-up, and of many under one proof that differ in nothing but their values. */
export interface ProvenStatements {
  alone: Statement
  each: Statement | undefined
}

/** The same as `runProven`, in one round trip with what other calls ask for at this moment. */
export async function runProvenTogether(
  pool: pg.Pool,
  { alone, each }: ProvenStatements,
  call: { proof: Proof; values: readonly unknown[] },
): Promise<Proven<unknown[][]>> {
  const values = [...proofValues(call.proof), ...call.values]
  const together = each && { statement: each, alikeCount: proofCount }
  return judgeRows(await runTogether(pool, alone, values, together))
}

const proofAlone = makeStatement(proofCount, () => proven('select true as held_now'))

/** Whether the proof holds now, for what was read in a snapshot that is older. */
export const proveNow = (pool: pg.Pool, proof: Proof): Promise<Proven<unknown[][]>> =>
  runProven(pool, proofAlone, { proof, values: [] })

function judgeRows(rows: unknown[][]): Proven<unknown[][]> {
  const [first] = rows
  if (first?.[1] !== true) return { held: 'no-system' }
  if (first[0] !== true) return { held: 'no-grant' }
  return { held: 'all', found: rows.filter((row) => row[2] !== null) }
}

/** Cells of the proof, before those of what was found. */
export const proofCells = 2
