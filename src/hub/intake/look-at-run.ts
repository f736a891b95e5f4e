import type { Run } from '../../../schemas/api/intake.ts'
import type { IntakeParts } from './parts.ts'
import { rejectStore } from './reject-store.ts'
import type { RunRow } from './run-rows.ts'
import { runView } from './views.ts'

/** One run with all that is known of it: its rejects by code, and when it will end. */
export async function lookAtRun(
  { pool, vault }: Pick<IntakeParts, 'pool' | 'vault'>,
  run: RunRow,
  now: Date,
): Promise<Run> {
  const lastFullCount = await lastFullCountOf({ pool }, run)
  const rejectCodes = await rejectStore(pool, vault).countsByCode(run.id)
  return { ...runView(run, { now, lastFullCount }), rejectCodes }
}

async function lastFullCountOf(
  { pool }: Pick<IntakeParts, 'pool'>,
  { sync, state, mode }: RunRow,
): Promise<number | null> {
  if (sync === null || state !== 'running' || mode !== 'snapshot') return null
  const { rows } = await pool.query<{ count: number | null }>(
    'select last_full_count as count from hub.syncs where id = $1',
    [sync],
  )
  return rows[0]?.count ?? null
}
