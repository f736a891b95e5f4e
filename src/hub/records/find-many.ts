import type pg from 'pg'
import {
  allDirectArms,
  asksFor,
  type AskedKey,
  type KeyGeneration,
  keysOfValues,
} from './find-keys.ts'
import { generations, type One, oneOf, waysOf } from './find-one.ts'
import { type Proof, proofCount, type Proven, proven, runProven } from './proof.ts'
import type { Reading } from './reading.ts'
import { recordsName } from './record-table.ts'
import { keeper, makeStatement, type Statement } from './statements.ts'

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

const keptMany = keeper<Statement>()

/** `isBare`: no key names a field, so that the ways by name need not even be tried. */
const manyStatement = (reading: Reading, generation: KeyGeneration, isBare: boolean): Statement =>
  keptMany(reading, `${generation} ${isBare}`, () =>
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
