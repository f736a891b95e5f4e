import type { Knex } from 'knex'
import { v7 as newId } from 'uuid'
import type { RunSyncBody } from '../../../schemas/api/syncs.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { conflict, fault, refuseFaults } from '../catalog/faults.ts'
import type { Stores } from '../database/stores.ts'
import { refuseSecond } from '../intake/reopen-sync-run.ts'
import type { RunRow } from '../intake/run-rows.ts'
import type { Caller } from '../identity/caller.ts'
import { demandSync } from './access.ts'
import { runOfSync } from './schedule-run-of.ts'
import type { SyncRow } from './sync-rows.ts'

export interface StartedRun {
  id: string
  sync: SyncRow
  kind: RunRow['kind']
  lane: RunRow['lane']
  isAside: boolean
}

interface Starting {
  stores: Stores
  transaction: Knex.Transaction
  caller: Caller | null
}

/**
 * Opens a run by hand, committed as `queued` before anybody rings for it. A range and a check run beside
 * the live sync; any other run is `state-conflict` while one is queued or running.
 */
export async function startRun(
  { stores, transaction, caller }: Starting,
  id: string,
  asked: RunSyncBody,
): Promise<StartedRun> {
  const found = await stores.syncs.lock(id)
  const { sync, staff } = demandSync(caller, 'syncs.run', { sync: found, id })
  refuseFaults(askedFaults(sync, asked), '运行参数有误 / The run has faults')
  if (sync.state === 'paused') {
    throw conflict('同步任务已暂停,请先恢复 / The sync is paused; resume it first')
  }
  const isAside = asked.mode === 'check' || asked.from !== undefined || asked.to !== undefined
  if (!isAside) await refuseSecond(transaction, id)
  const { kind, mode, lane } = runAskedFor(sync, asked)
  const runId = newId()
  await transaction('hub.runs').insert({
    id: runId,
    resource: sync.resource,
    kind,
    mode,
    lane,
    state: 'queued',
    department: sync.department,
    staff: staff.id,
    is_forced: asked.force ?? false,
    sync: id,
    is_aside: isAside,
    plan: planOf(asked),
    priority: sync.priority,
    start_seq: transaction.raw(
      '(select last_seq from hub.change_numbers where resource = ?)',
      sync.resource,
    ),
  })
  return { id: runId, sync, kind, lane, isAside }
}

/** A backfill adds what its range holds: what lies outside of it is not missing. A check lands nothing. */
function runAskedFor(
  sync: SyncRow,
  { mode, from, to }: RunSyncBody,
): Pick<RunRow, 'kind' | 'mode' | 'lane'> {
  if (mode === 'check') return { kind: 'check', mode: 'snapshot', lane: 'large' }
  const isRange = from !== undefined || to !== undefined
  return runOfSync({ ...sync, mode: isRange ? 'incremental' : (mode ?? sync.mode) })
}

/** What was asked for lies in the plan from the beginning (`readOrder`). */
const planOf = ({ from, to, force }: RunSyncBody): string =>
  JSON.stringify({ from: from ?? null, to: to ?? null, force: force ?? false })

/** What this sync cannot be asked for. */
export function askedFaults(
  { direction, cursor }: Pick<SyncRow, 'direction' | 'cursor'>,
  { mode, from, to }: RunSyncBody,
): RequestFault[] {
  const faults: RequestFault[] = []
  const bounds = (['from', 'to'] as const).filter((name) => ({ from, to })[name] !== undefined)
  if (direction === 'deliver' && mode === 'check') {
    const message = '下发任务没有核对运行 / A delivery has no check'
    faults.push(fault('/mode', 'direction', message))
  }
  for (const name of bounds) {
    if (direction === 'deliver') {
      const message = '下发任务没有补采范围 / A delivery has no range'
      faults.push(fault(`/${name}`, 'direction', message))
    } else if (cursor === null) {
      const message = '没有游标列的同步不能按范围补采 / A range needs a cursor'
      faults.push(fault(`/${name}`, 'cursor-needed', message))
    } else if (mode === 'full') {
      const message = '范围与全量不能同时要求 / A range is not the whole source'
      faults.push(fault(`/${name}`, 'mode', message))
    }
  }
  return faults
}
