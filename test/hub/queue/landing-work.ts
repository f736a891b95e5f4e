import type { Pool, PoolClient } from 'pg'
import { runStore } from '../../../src/hub/intake/runs.ts'
import type { RunWork } from '../../../src/hub/syncs/run-work.ts'

export const batchesWanted = 6

type Transaction = (change: (client: PoolClient) => Promise<void>) => Promise<void>

/** Lands six batches, each with its checkpoint in one transaction that proves the hold; goes on where it was left. */
export const landingWork =
  (
    transaction: Transaction,
    { pool, onBatch }: { pool: Pool; onBatch(number: number): Promise<void> },
  ): RunWork =>
  async ({ run, holder, signal }) => {
    const done = typeof run.checkpoint === 'number' ? run.checkpoint : 0
    for (let number = done + 1; number <= batchesWanted; number += 1) {
      signal.throwIfAborted()
      await transaction(async (client) => {
        const { rowCount } = await client.query(
          `update hub.runs set checkpoint = to_jsonb($3::int), batch_count = batch_count + 1
           where id = $1 and state = 'running' and leased_by = $2`,
          [run.id, holder, number],
        )
        if (rowCount !== 1) throw new Error('The run is held by another')
        await client.query(
          'insert into hub.batches (run_id, number, read_count) values ($1, $2, 1)',
          [run.id, number],
        )
      })
      await onBatch(number)
    }
    const ended = await runStore(pool).succeed(run.id, holder)
    if (ended === null) throw new Error('The run is held by another')
    return { kind: 'ended', run: ended }
  }
