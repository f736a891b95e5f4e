import type pg from 'pg'
import { type AskedKey, directArms, formsOf, type KeyGeneration, keysOfValue } from './find-keys.ts'
import {
  type Proof,
  proofCells,
  proofCount,
  type Proven,
  proven,
  provenEach,
  type ProvenStatements,
  runProven,
  runProvenTogether,
} from './proof.ts'
import { type FoundRecord, type Reading, readFound } from './reading.ts'
import { historyName, quoted, recordsName } from './record-table.ts'
import { keeper, makeStatement, type Statement } from './statements.ts'

export type One =
  | { kind: 'one'; record: FoundRecord; wrongCount?: number }
  | { kind: 'none' }
  | { kind: 'several' }

/** Whose wrong claims are counted in the same statement: the record's keyed hash, and the day. */
export interface Guessed {
  subject: Buffer
  day: string
}

export const generations: readonly KeyGeneration[] = ['direct', 'former']

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

export const waysOf = (asked: AskedKey): { key: AskedKey; generation: KeyGeneration }[] =>
  formsOf(asked).flatMap((key) => generations.map((generation) => ({ key, generation })))

const keptOne = keeper<ProvenStatements>()
const keptAsOf = keeper<Statement>()

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
  const kind = { generation, field: key.field, isCounted: guessed !== undefined }
  const name = `${generation} ${kind.isCounted} ${key.field ?? ''}`
  const statements = keptOne(reading, name, () => makeOne(reading, kind))
  const values = guessed ? [key.value, guessed.subject, guessed.day] : [key.value]
  return runProvenTogether(pool, statements, { proof, values })
}

/** SQL of what a look-up asks for. */
interface Asking {
  value: string
  /** Of whom wrong claims are counted, and on which day; null where none are. */
  guessed: { subject: string; day: string } | null
}

const askedAlone = (isCounted: boolean): Asking => ({
  value: '$5::text',
  guessed: isCounted ? { subject: '$6::bytea', day: '$7::date' } : null,
})

const askedEach = (isCounted: boolean): Asking => ({
  value: 'a.value',
  guessed: isCounted ? { subject: 'a.subject', day: 'a.day' } : null,
})

const rowsAsked = (isCounted: boolean): string =>
  isCounted
    ? 'unnest($5::text[], $6::bytea[], $7::date[]) with ordinality a (value, subject, day, place)'
    : 'unnest($5::text[]) with ordinality a (value, place)'

/** The hot ones: each way of looking up is one index probe that brings the row itself. */
function makeOne(
  reading: Reading,
  kind: { generation: KeyGeneration; field: string | null; isCounted: boolean },
): ProvenStatements {
  const { generation, field, isCounted } = kind
  const found = generation === 'former' ? formerFound : directFound
  const valueCount = proofCount + (isCounted ? 3 : 1)
  const make = (asking: Asking, prove: (found: string) => string): Statement =>
    makeStatement(valueCount, (parameters) =>
      prove(found(reading, { field, asking, visible: reading.visible(parameters, 't') })),
    )
  return {
    alone: make(askedAlone(isCounted), proven),
    // Former values are asked for when present ones are not found: seldom many at once.
    each:
      generation === 'former'
        ? undefined
        : make(askedEach(isCounted), (one) => provenEach(rowsAsked(isCounted), one)),
  }
}

interface OneFound {
  field: string | null
  asking: Asking
  visible: string
}

/** Current records before others; a third need not be known. */
const firstTwo = `order by (t._status <> 'current') limit 2`

const selectOne = (reading: Reading, { guessed }: Asking): string => {
  const cells = reading.cells('t')
  const counted = guessed === null ? cells : `${cells}, ${wrongClaims(guessed)}`
  return `select ${counted} from ${recordsName(reading.served.number)} t`
}

function formerFound(reading: Reading, { field, asking, visible }: OneFound): string {
  const keys = keysOfValue(reading.served, 'former', { field, value: asking.value })
  return `${selectOne(reading, asking)} where t._key in (${keys}) and ${visible} ${firstTwo}`
}

function directFound(reading: Reading, { field, asking, visible }: OneFound): string {
  const from = selectOne(reading, asking)
  const found = directArms(reading.served, field).map(({ finds }) => finds(asking.value, 't'))
  if (found.length === 1) return `${from} where ${found[0]} and ${visible} ${firstTwo}`
  const parts = found.map((finds, place) => {
    // A row that an earlier way has found is not found again.
    const others = found.slice(0, place).map((other) => `(${other}) is not true`)
    return `${from} where ${[finds, ...others, visible].join(' and ')}`
  })
  return `select * from (${parts.join(' union all ')}) t ${firstTwo}`
}

/** Of the calling system about one record on one day: one probe. */
const wrongClaims = ({ subject, day }: { subject: string; day: string }): string =>
  `coalesce((select count from hub.verify_mismatches
    where subject = ${subject} and system = $3 and day = ${day}), 0)`

const asOfStatement = (
  reading: Reading,
  generation: KeyGeneration,
  field: string | null,
): Statement =>
  keptAsOf(reading, `${generation} ${field ?? ''}`, () =>
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

/** Of two rows at most, in any order: the one that is current, where only one of them is. */
export function oneOf(reading: Reading, [first, second]: unknown[][]): One {
  if (!first) return { kind: 'none' }
  const isCurrent = (row: unknown[]): boolean => row[proofCells + 1] === 'current'
  if (second && isCurrent(first) === isCurrent(second)) return { kind: 'several' }
  const row = second && isCurrent(second) ? second : first
  return { kind: 'one', record: readFound(reading, row, proofCells) }
}
