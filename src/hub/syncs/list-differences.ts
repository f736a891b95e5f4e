import type { Pool } from 'pg'
import type { Static } from 'typebox'
import type { Difference } from '../../../schemas/api/syncs.ts'
import { type Keys, unseal } from '../keys.ts'

/** What the sealed key of a difference is bound to: its run and its place in it. */
export const differenceContext = (runId: string, number: number): string =>
  `difference:${runId}:${number}`

export interface NumberedDifference extends Static<typeof Difference> {
  number: number
}

/** The keys that a check found to differ, behind number `after`. They are personal data, kept sealed. */
export async function listDifferences(
  pool: Pool,
  keys: Pick<Keys, 'settings'>,
  { runId, after, limit }: { runId: string; after: number; limit: number },
): Promise<NumberedDifference[]> {
  const { rows } = await pool.query<Omit<NumberedDifference, 'key'> & { sealed: Buffer }>(
    `select number, kind, sealed from hub.run_differences
     where run_id = $1 and number > $2 order by number limit $3`,
    [runId, after, limit],
  )
  return rows.map(({ number, kind, sealed }) => {
    const key = unseal(sealed, keys.settings, differenceContext(runId, number)).toString()
    return { number, kind, key }
  })
}
