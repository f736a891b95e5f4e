import type pg from 'pg'
import { leafField, type Leaf } from './field-paths.ts'
import {
  allDirectArms,
  asksFor,
  type AskedKey,
  directArms,
  formsOf,
  type KeyGeneration,
  keysOfValue,
  keysOfValues,
} from './find-keys.ts'
import { runTogether } from './pipelined-reads.ts'
import { type FoundRecord, type Reading, readFound } from './reading.ts'
import { historyName, quoted, recordsName } from './record-table.ts'
import { equals } from './sql-conditions.ts'
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
export const proven = (found: string): string => `with held as materialized (select
    exists (select from hub.grants where id = $1 and version = $2 and state = 'active' and valid_from <= now() and valid_until > now()) as grant_held,
    exists (select from hub.systems where id = $3 and version = $4 and state = 'active') as system_held)
  select held.grant_held, held.system_held, found.*
  from held left join lateral (${found}) found on held.grant_held and held.system_held`

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

/** The same, in one round trip with what other calls ask for at this moment. */
async function runProvenTogether(
  pool: pg.Pool,
  statement: Statement,
  call: { proof: Proof; values: readonly unknown[] },
): Promise<Proven<unknown[][]>> {
  return judgeRows(await runTogether(pool, statement, [...proofValues(call.proof), ...call.values]))
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

export const proofCells = 2

export type One =
  | { kind: 'one'; record: FoundRecord; wrongCount?: number }
  | { kind: 'none' }
  | { kind: 'several' }

/** Whose wrong claims are counted in the same statement: the record's keyed hash, and the day. */
export interface Guessed {
  subject: Buffer
  day: string
}

const statements = new WeakMap<Reading, Map<string, Statement>>()

function kept(reading: Reading, name: string, make: () => Statement): Statement {
  const known = statements.get(reading) ?? new Map<string, Statement>()
  statements.set(reading, known)
  const statement = known.get(name) ?? make()
  known.set(name, statement)
  return statement
}

const generations: readonly KeyGeneration[] = ['direct', 'former']

/**
 * The one record that a key finds within the scope. Present values come first, and records that are
 * current before those that are not; several alike are `several`. With `guessed`, the calling system's wrong
 * claims of that day are counted by the way (`wrongCount`), so that verifying needs no second round trip.
 */
export async function findOne(
  pool: pg.Pool,
  reading: Reading,
  call: { proof: Proof; key: AskedKey; asOf?: string | undefined; guessed?: Guessed },
): Promise<Proven<One>> {
  for (const { key, generation } of waysOf(call.key)) {
    // A list holds former values alone: there is no present one to ask for by its name.
    const isAskable = generation !== 'direct' || directArms(reading.served, key.field).length > 0
    if (!isAskable) continue
    const answer = await findIn(pool, reading, { ...call, key, generation })
    if (answer.held !== 'all') return answer
    if (answer.found.length > 0) {
      const one = oneOf(reading, answer.found)
      // The count stands behind the record's cells.
      const wrongCount = Number(answer.found[0]?.at(-1))
      const isCounted = call.guessed !== undefined && one.kind === 'one'
      return { held: 'all', found: isCounted ? { ...one, wrongCount } : one }
    }
  }
  return { held: 'all', found: { kind: 'none' } }
}

const waysOf = (asked: AskedKey): { key: AskedKey; generation: KeyGeneration }[] =>
  formsOf(asked).flatMap((key) => generations.map((generation) => ({ key, generation })))

function findIn(
  pool: pg.Pool,
  reading: Reading,
  call: Parameters<typeof findOne>[2] & { generation: KeyGeneration },
): Promise<Proven<unknown[][]>> {
  const { proof, key, asOf, guessed, generation } = call
  if (asOf !== undefined) {
    const values = [key.value, asOf]
    return runProven(pool, asOfStatement(reading, generation, key.field), { proof, values })
  }
  const statement = oneStatement(reading, generation, key.field, guessed !== undefined)
  const values = guessed ? [key.value, guessed.subject, guessed.day] : [key.value]
  return runProvenTogether(pool, statement, { proof, values })
}

/** The hot one: each way of looking up is one index probe that brings the row itself. */
const oneStatement = (
  reading: Reading,
  generation: KeyGeneration,
  field: string | null,
  isCounted: boolean,
): Statement =>
  kept(reading, `one ${generation} ${isCounted} ${field ?? ''}`, () =>
    makeStatement(proofCount + (isCounted ? 3 : 1), (parameters) => {
      const visible = reading.visible(parameters, 't')
      const asked = { field, value: '$5::text' }
      const cells = isCounted ? `${reading.cells('t')}, ${wrongClaims}` : reading.cells('t')
      const from = `select ${cells} from ${recordsName(reading.served.number)} t`
      const later = `order by (t._status <> 'current') limit 2`
      if (generation === 'former') {
        return proven(
          `${from} where t._key in (${keysOfValue(reading.served, 'former', asked)}) and ${visible} ${later}`,
        )
      }
      const found = directArms(reading.served, field).map(({ finds }) => finds(asked.value, 't'))
      if (found.length === 1) return proven(`${from} where ${found[0]} and ${visible} ${later}`)
      const parts = found.map((finds, place) => {
        // A row that an earlier way has found is not found again.
        const others = found.slice(0, place).map((other) => `(${other}) is not true`)
        return `${from} where ${[finds, ...others, visible].join(' and ')}`
      })
      return proven(`select * from (${parts.join(' union all ')}) t ${later}`)
    }),
  )

/** Of the calling system about one record on one day: one probe. */
const wrongClaims = `coalesce((select count from hub.verify_mismatches
  where subject = $6::bytea and system = $3 and day = $7::date), 0)`

const asOfStatement = (
  reading: Reading,
  generation: KeyGeneration,
  field: string | null,
): Statement =>
  kept(reading, `as-of ${generation} ${field ?? ''}`, () =>
    makeStatement(proofCount + 2, (parameters) => {
      const keys = keysOfValue(reading.served, generation, { field, value: '$5::text' })
      return proven(`select ${reading.cells('t')} from ${rowsAsOf(reading, '$6')} t
        where t._key in (${keys}) and ${reading.visible(parameters, 't')}
        order by (t._status <> 'current') limit 2`)
    }),
  )

/** The versions that were in force at an instant: of each record the live one, or one of its former ones. */
function rowsAsOf({ served }: Reading, instant: string): string {
  const columns = [...systemColumns, ...served.fields.map(({ name }) => quoted(name))].join(', ')
  const at = `${instant}::timestamptz`
  return `(select ${columns} from ${recordsName(served.number)} where _received_at <= ${at}
    union all select ${columns} from ${historyName(served.number)} where _received_at <= ${at} and _until > ${at})`
}

const systemColumns = [
  '_key',
  '_status',
  '_seq',
  '_hash',
  '_run',
  '_received_at',
  '_quality',
  '_flags',
]

function oneOf(reading: Reading, [first, second]: unknown[][]): One {
  if (!first) return { kind: 'none' }
  const isCurrent = (row: unknown[]): boolean => row[proofCells + 1] === 'current'
  if (second && isCurrent(first) === isCurrent(second)) return { kind: 'several' }
  return { kind: 'one', record: readFound(reading, first, proofCells) }
}

/** What each of many keys finds, in their order; a record that several of them find is read once for each. */
export async function findMany(
  pool: pg.Pool,
  reading: Reading,
  call: { proof: Proof; keys: readonly AskedKey[] },
): Promise<Proven<One[]>> {
  const found: One[] = call.keys.map(() => ({ kind: 'none' }))
  const ways = call.keys.map(waysOf)
  for (let turn = 0; turn < Math.max(...ways.map(({ length }) => length)); turn += 1) {
    const places = ways.flatMap((way, place) =>
      way[turn] !== undefined && found[place]?.kind === 'none' ? [place] : [],
    )
    if (places.length === 0) continue
    const asked = places.flatMap((place) => ways[place]?.[turn]?.key ?? [])
    const generation = generations[turn % generations.length] ?? 'direct'
    const isBare = asked.every(({ field }) => field === null)
    const answer = await runProven(pool, manyStatement(reading, generation, isBare), {
      proof: call.proof,
      values: [places, asked.map(({ value }) => value), asked.map(({ field }) => field)],
    })
    if (answer.held !== 'all') return answer
    // The place stands behind the record's cells.
    const byPlace = Map.groupBy(answer.found, (row) => Number(row.at(-1)))
    for (const [place, rows] of byPlace) found[place] = oneOf(reading, rows)
  }
  return { held: 'all', found }
}

/** `isBare`: no key names a field, so that the ways by name need not even be tried. */
const manyStatement = (reading: Reading, generation: KeyGeneration, isBare: boolean): Statement =>
  kept(reading, `many ${generation} ${isBare}`, () =>
    makeStatement(proofCount + 3, (parameters) => {
      const visible = reading.visible(parameters, 't')
      const found =
        generation === 'direct'
          ? presentOfMany(reading, visible, isBare)
          : formerOfMany(reading, visible)
      return proven(`with asked as materialized (
          select * from unnest($5::integer[], $6::text[], $7::text[]) a (place, value, field)
        ) select * from (${found}) t order by t.place, (t._status <> 'current')`)
    }),
  )

function presentOfMany(reading: Reading, visible: string, isBare: boolean): string {
  const table = recordsName(reading.served.number)
  const arms = allDirectArms(reading.served).filter(({ named }) => !(isBare && named))
  const parts = arms.map((arm, place) => {
    const earlier = arm.named ? [] : arms.slice(0, place).filter(({ named }) => !named)
    const others = earlier.map(
      (other) => `(a.field is not null or (${other.finds('a.value', 't')}) is not true)`,
    )
    const where = [asksFor('a', arm), ...others, visible].join(' and ')
    return `select ${reading.cellsOfMany('t')}, a.place from asked a
      join ${table} t on ${arm.finds('a.value', 't')} where ${where}`
  })
  return parts.join(' union all ')
}

const formerOfMany = (reading: Reading, visible: string): string =>
  `select ${reading.cellsOfMany('t')}, k.place from (${keysOfValues(reading.served, 'former', 'asked')}) k
    join ${recordsName(reading.served.number)} t on t._key = k._key where ${visible}`

/** One equality of a list: the value as text that the field's type surely takes. */
export interface Filter {
  leaf: Leaf
  value: string
}

/** Records whose fields equal all values, in order of their change numbers, `limit` at most. */
export async function listRecords(
  pool: pg.Pool,
  reading: Reading,
  call: { proof: Proof; filters: readonly Filter[]; after: number; limit: number },
): Promise<Proven<FoundRecord[]>> {
  const paths = call.filters.map(({ leaf }) => leaf.path)
  const statement = kept(reading, `list ${paths.join()}`, () =>
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
