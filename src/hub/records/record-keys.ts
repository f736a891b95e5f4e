import type pg from 'pg'
import type { ServedResource } from '../catalog/served-resource.ts'
import { formsOf, type KeyGeneration, keysOfValue, readKey } from './find-keys.ts'
import { departuresName, historyName, recordsName } from './record-table.ts'

/** Records that one number may stand for at most, for whoever asks who looked at them. */
const resolvedKeysMax = 1000

const generations: readonly KeyGeneration[] = ['direct', 'former', 'ever']

/**
 * The merge keys of all records that a key finds or ever found (present values, lists of former ones and
 * aliases alike), deleted records included. Empty when none.
 */
export async function resolveKeys(
  pool: Pick<pg.Pool, 'query'>,
  served: ServedResource,
  text: string,
): Promise<string[]> {
  const forms = formsOf(readKey(served, text))
  const parts = forms.flatMap(({ field }, place) => {
    const asked = { field, value: `$${place + 1}::text` }
    return generations.map((generation) => keysOfValue(served, generation, asked))
  })
  const sql = parts.join(' union ')
  const { rows } = await pool.query<{ _key: string }>(
    `select _key from (${sql}) found where _key is not null order by _key limit ${resolvedKeysMax}`,
    forms.map(({ value }) => value),
  )
  return rows.map(({ _key: key }) => key)
}

/**
 * Every change number that these records ever had and that is still known: present ones, those of former
 * versions and of departures. Feeds and deliveries are logged by ranges of them (pitfalls, 12).
 */
export async function sequencesOf(
  pool: Pick<pg.Pool, 'query'>,
  served: ServedResource,
  mergeKeys: readonly string[],
): Promise<number[]> {
  const tables = [recordsName(served.number), departuresName(served.number)]
  if (served.table.history) tables.push(historyName(served.number))
  const union = tables
    .map((name) => `select _seq from ${name} where _key = any($1)`)
    .join(' union ')
  const { rows } = await pool.query<{ _seq: number }>(`${union} order by _seq`, [mergeKeys])
  return rows.map(({ _seq: seq }) => seq)
}
