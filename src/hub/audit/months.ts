import type pg from 'pg'

/** Months that are there before they are needed: a hub that was off for a quarter still finds its own. */
export const monthsAhead = 3

/**
 * Has the owner make the partitions of the running month and the months after it; to be called daily.
 * Answers those that could not be made (`entries_2026_04`): their entries go to the default partition.
 */
export async function ensureMonths(pool: pg.Pool, ahead: number = monthsAhead): Promise<string[]> {
  const { rows } = await pool.query<{ missing: string[] }>(
    'select audit.ensure_months($1) as missing',
    [ahead],
  )
  return rows[0]?.missing ?? []
}
