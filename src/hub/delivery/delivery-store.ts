import type { Pool, PoolClient } from 'pg'
import type { LandingCounts } from '../intake/land-batch.ts'
import type { RunRow } from '../intake/run-rows.ts'
import { runStore } from '../intake/runs.ts'
import { inTransaction } from '../database/connect.ts'
import { type ClaimedRun, RunStopped } from '../syncs/run-work.ts'
import { cursorPosition, type DeliveryPosition, positionWords } from './delivery-position.ts'

/** Which full load a run belongs to, kept in its plan: a run that is taken up again goes on with it. */
export interface DeliveryPlan {
  generation: number
}

/** A batch that has arrived. */
export interface DeliveredBatch {
  number: number
  generation: number
  upsertCount: number
  deleteCount: number
  /** Of the whole run so far. */
  byteCount: number
  position: DeliveryPosition
  /** Null: the sync's own position is moved by the run's end alone. */
  moves: boolean
}

type Held = Pick<ClaimedRun, 'run' | 'holder'>

/** Writes of one delivery run. Each proves in its own transaction that the run is still its holder's. */
export const deliveryStore = (pool: Pool, { run, holder }: Held) => {
  const held = { run, holder }
  return {
    /** Promises a batch its number; nothing of it may leave before. */
    plan: (position: DeliveryPosition) =>
      whileHeld(pool, held, (client) =>
        client.query('update hub.syncs set position = $2 where id = $1', [
          run.sync,
          JSON.stringify(position),
        ]),
      ),
    /** Begins a full load: a generation of its own, everything before it. */
    beginFull: (full: { generation: number; number: number; position: DeliveryPosition }) =>
      whileHeld(pool, held, async (client) => {
        await client.query(
          'update hub.syncs set position = $2, generation = $3, batch_number = $4 where id = $1',
          [run.sync, JSON.stringify(full.position), full.generation, full.number],
        )
        await notePlan(client, run, full)
      }),
    notePlan: (plan: DeliveryPlan) =>
      whileHeld(pool, held, (client) => notePlan(client, run, plan)),
    commit: (batch: DeliveredBatch) =>
      inTransaction(pool, (client) => commitBatch(client, held, batch)),
    /** What a broken run had prepared is nowhere: it is counted from the beginning again. */
    startOver: () => whileHeld(pool, held, (client) => forgetBatches(client, run)),
    noteFault: (error: { code: string; message: string }) =>
      pool.query('update hub.runs set last_error = $2 where id = $1 and leased_by = $3', [
        run.id,
        JSON.stringify(error),
        holder,
      ]),
    end: (end: RunEnd) => inTransaction(pool, (client) => endRun(client, held, end)),
  }
}

export type DeliveryStore = ReturnType<typeof deliveryStore>

/** The run's row is locked, so that nobody takes it over before the change is committed. */
const whileHeld = <T>(
  pool: Pool,
  { run, holder }: Held,
  change: (client: PoolClient) => Promise<T>,
): Promise<T> =>
  inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `select from hub.runs where id = $1 and state = 'running' and leased_by = $2 for update`,
      [run.id, holder],
    )
    if (rowCount !== 1) throw new RunStopped('lease-lost')
    return change(client)
  })

const notePlan = (client: PoolClient, run: RunRow, { generation }: DeliveryPlan) =>
  client.query(
    `update hub.runs set plan = coalesce(nullif(plan, 'null'), '{}') || jsonb_build_object('delivery', $2::jsonb) where id = $1`,
    [run.id, JSON.stringify({ generation })],
  )

async function commitBatch(
  client: PoolClient,
  { run, holder }: Held,
  batch: DeliveredBatch,
): Promise<void> {
  const { number, position, byteCount } = batch
  const counts = countsOf(run, batch)
  const isHeld = await runStore(client).count(run.id, holder, {
    counts,
    byteCount,
    lastSeq: position.seq,
    nextBatch: null,
  })
  if (!isHeld) throw new RunStopped('lease-lost')
  await client.query(
    'insert into hub.batches (run_id, number, read_count, last_seq) values ($1, $2, $3, $4)',
    [run.id, number, counts.read, position.seq],
  )
  await client.query('update hub.runs set checkpoint = $2 where id = $1', [
    run.id,
    JSON.stringify({ position: cursorPosition(position), words: positionWords(position) }),
  ])
  await client.query(
    `update hub.syncs set last_row_at = now(), position = case when $2 then $3::jsonb else position end,
       batch_number = case when $2 then $4 else batch_number end,
       generation = case when $2 then $5 else generation end
     where id = $1`,
    [run.sync, batch.moves, JSON.stringify(position), number, batch.generation],
  )
}

/**
 * Records delivered count as updated. Deletions are rows read like others, except where the run's mode is
 * `snapshot`: there the table of runs takes them for records that nobody has read.
 */
const countsOf = (
  { mode }: RunRow,
  { upsertCount, deleteCount }: DeliveredBatch,
): LandingCounts => ({
  read: upsertCount + (mode === 'snapshot' ? 0 : deleteCount),
  inserted: 0,
  updated: upsertCount,
  unchanged: 0,
  stale: 0,
  superseded: 0,
  deleted: deleteCount,
  rejected: 0,
  flagged: 0,
})

async function forgetBatches(client: PoolClient, run: RunRow): Promise<void> {
  await client.query('delete from hub.batches where run_id = $1', [run.id])
  await client.query(
    `update hub.runs set read_count = 0, updated_count = 0, deleted_count = 0, byte_count = 0,
       batch_count = 0, checkpoint = null where id = $1`,
    [run.id],
  )
}

export interface RunEnd {
  position: DeliveryPosition
  number: number
  generation: number
  /** Of a full load: how many records of older ones were deleted at the target. */
  clearedCount: number | null
}

async function endRun(client: PoolClient, { run, holder }: Held, end: RunEnd): Promise<RunRow> {
  await client.query(
    `update hub.runs set checkpoint = $2, reconciliation = case when $3::bigint is null then reconciliation
       else jsonb_build_object('sourceCount', null, 'readCount', read_count, 'recordCount', null, 'agrees', null, 'note', $4::text) end
     where id = $1`,
    [
      run.id,
      JSON.stringify({
        position: cursorPosition(end.position),
        words: positionWords(end.position),
      }),
      end.clearedCount,
      `全量交付后清除旧记录 ${end.clearedCount ?? 0} 条 / ${end.clearedCount ?? 0} records of older loads deleted`,
    ],
  )
  const ended = await runStore(client).succeed(run.id, holder)
  if (ended === null) throw new RunStopped('lease-lost')
  await client.query(
    `update hub.syncs set position = $2, batch_number = $3, generation = $4, last_success_at = now(),
       last_full_count = coalesce($5, last_full_count)
     where id = $1`,
    [
      run.sync,
      JSON.stringify(end.position),
      end.number,
      end.generation,
      end.clearedCount === null ? null : ended.counts.updated,
    ],
  )
  return ended
}
