import type { Knex } from 'knex'
import { conflict } from '../catalog/faults.ts'
import type { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import { intakeLimits } from './limits.ts'
import type { RunRow } from './run-rows.ts'
import { runStore } from './runs.ts'

/**
 * Puts a failed run of a sync back into the queue, its plan, checkpoint and counts as they are, and rings
 * for it. `state-conflict` when it has not failed, its sync is paused or has another run by now.
 * `note` is called inside the transaction: nothing is reopened unlogged.
 */
export async function reopenSyncRun(
  { database, queue, intake }: Pick<Hub, 'database' | 'queue' | 'intake'>,
  run: RunRow,
  note: (run: RunRow) => Promise<unknown>,
): Promise<RunRow> {
  await database.atomically(async ({ syncs }, transaction) => {
    const sync = run.sync === null ? undefined : await syncs.lock(run.sync)
    if (sync?.state !== 'active') {
      throw conflict('同步任务已暂停,请先恢复 / The sync is paused; resume it first')
    }
    if (!run.isAside) await refuseSecond(transaction, sync.id)
    if (await isForgotten(transaction, run)) throw tooLate()
    const reopened = await transaction('hub.runs').where({ id: run.id, state: 'failed' }).update({
      state: 'queued',
      attempt: 0,
      error: null,
      not_before: null,
      ended_at: null,
      leased_by: null,
      leased_until: null,
    })
    if (reopened === 0) {
      throw conflict(
        `只有失败的运行可以重试(${run.state}) / Only a failed run can be retried (${run.state})`,
      )
    }
    await note({ ...run, state: 'queued' })
  })
  await queue.ring({ id: run.id, lane: run.lane, priority: run.priority, isAgain: true })
  const queued = await runStore(intake.parts.pool).find(run.id)
  if (queued === null) throw new Error(`Run ${run.id} was reopened and is not there`)
  return queued
}

/** The keys that a full pull had met may be gone by then: going on without them would delete their records. */
async function isForgotten(transaction: Knex.Transaction, run: RunRow): Promise<boolean> {
  if (run.kind !== 'pull' || run.mode !== 'snapshot') return false
  const old = await transaction('hub.runs')
    .where({ id: run.id })
    .whereRaw('ended_at < now() - make_interval(days => ?)', [intakeLimits.reopenDaysMax])
    .first('id')
  return old !== undefined
}

const tooLate = (): Refusal =>
  conflict(
    `全量运行失败已超过 ${intakeLimits.reopenDaysMax} 天,请重新运行 / This full run failed more than ${intakeLimits.reopenDaysMax} days ago; start a new one`,
  )

/** One run of the live sync at a time, queued or running. */
export async function refuseSecond(transaction: Knex.Transaction, sync: string): Promise<void> {
  const open = await transaction('hub.runs')
    .where({ sync, is_aside: false })
    .whereIn('state', ['queued', 'running'])
    .first('id', 'state')
  if (open === undefined) return
  throw conflict(
    `该同步已有运行 ${open.id}(${open.state}) / The sync has a run already: ${open.id} (${open.state})`,
  )
}
