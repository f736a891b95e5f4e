import type pg from 'pg'
import { leafField, type Leaf } from './field-paths.ts'
import { type Proof, proofCells, proofCount, type Proven, proven, runProven } from './proof.ts'
import { type FoundRecord, type Reading, readFound } from './reading.ts'
import { recordsName } from './record-table.ts'
import { equals } from './sql-conditions.ts'
import { keeper, makeStatement, type Statement } from './statements.ts'

/** One equality of a list: the value as text that the field's type surely takes. */
export interface Filter {
  leaf: Leaf
  value: string
}

const keptList = keeper<Statement>()

/** Records whose fields equal all values, in order of their change numbers, `limit` at most. */
export async function listRecords(
  pool: pg.Pool,
  reading: Reading,
  call: { proof: Proof; filters: readonly Filter[]; after: number; limit: number },
): Promise<Proven<FoundRecord[]>> {
  const paths = call.filters.map(({ leaf }) => leaf.path)
  const statement = keptList(reading, paths.join(), () =>
    makeStatement(proofCount + 2 + paths.length, (parameters) => {
      const where = call.filters.map(({ leaf }, index) => equals(leaf, `$${index + 7}`, 't'))
      return proven(`select ${reading.cellsOfMany('t')} from ${recordsName(reading.served.number)} t
        where ${['t._seq > $5', ...where, reading.visible(parameters, 't')].join(' and ')}
        order by t._seq limit $6`)
    }),
  )
  const values = [call.after, call.limit, ...call.filters.map(({ value }) => value)]
  const answer = await runProven(pool, statement, { proof: call.proof, values })
  if (answer.held !== 'all') return answer
  return { held: 'all', found: answer.found.map((row) => readFound(reading, row, proofCells)) }
}

/** Whether a list may filter by the leaf: only what an index answers, or a caller could scan the table. */
export const isFilterable = (leaf: Leaf): boolean => {
  const { lookup, indexed } = leafField(leaf)
  if (leaf.child === null) return lookup === true || indexed === true
  return lookup === true || (leaf.column.fields?.some((child) => child.lookup) ?? false)
}
