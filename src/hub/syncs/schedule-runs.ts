import type { Pool, PoolClient } from 'pg'
import { schedule } from 'node-cron'
import { inTransaction } from '../database/connect.ts'
import type { Log } from '../database/log.ts'
import type { RunQueue, RungRun } from '../queue/run-queue.ts'
import { nextDue } from './due-times.ts'
import { syncLimits } from './limits.ts'
import { runIdOf } from './run-ids.ts'
import { runOfSync } from './schedule-run-of.ts'
import type { SyncRow } from './sync-rows.ts'

/** No other lock of ours has this number. */
const lookLock = 7_305_118_442

type DueSync = Pick<
  SyncRow,
  'id' | 'resource' | 'direction' | 'mode' | 'department' | 'priority' | 'lastFullCount'
> & { cron: string | null; timezone: string | null; dueAt: Date }

/**
 * Makes the runs that are due at `now` and moves each sync on to its next time, in one transaction. Answers
 * the runs made, or null when another process is at it. Whatever times were missed, one run makes up for
 * them; a sync with a run still queued gets none. That two schedulers make one run rests on the run's id,
 * not on the lock, which only spares the second its work.
 */
export async function makeDueRuns(pool: Pool, now: Date): Promise<RungRun[] | null> {
  return inTransaction(pool, async (client) => {
    const { rows: locks } = await client.query<{ held: boolean }>(
      'select pg_try_advisory_xact_lock($1) as held',
      [lookLock],
    )
    if (locks[0]?.held !== true) return null
    const due = await findDue(client, now)
    if (due.length === 0) return []
    const made = await insertRuns(client, due)
    await moveOn(client, due, now)
    return made
  })
}

async function findDue(client: PoolClient, now: Date): Promise<DueSync[]> {
  const { rows } = await client.query<Omit<DueSync, 'dueAt'> & { dueMs: number }>(
    `select id, resource, direction, mode, department, priority, cron, timezone,
       last_full_count as "lastFullCount", (extract(epoch from next_due_at) * 1000)::float8 as "dueMs"
     from hub.syncs where state = 'active' and next_due_at <= $1
     order by next_due_at, id limit $2 for update skip locked`,
    [now, syncLimits.dueSyncsAtOnceMax],
  )
  return rows.map(({ dueMs, ...sync }) => ({ ...sync, dueAt: new Date(dueMs) }))
}

async function insertRuns(client: PoolClient, due: readonly DueSync[]): Promise<RungRun[]> {
  const runs = due.map((sync) => ({
    id: runIdOf(sync.id, sync.dueAt),
    sync: sync.id,
    resource: sync.resource,
    department: sync.department,
    priority: sync.priority,
    scheduledAt: sync.dueAt,
    ...runOfSync(sync),
  }))
  const { rows } = await client.query<RungRun>(
    `insert into hub.runs
       (id, sync, resource, department, priority, scheduled_at, kind, mode, lane, state, start_seq)
     select r.id, r.sync, r.resource, r.department, r.priority, r."scheduledAt", r.kind, r.mode, r.lane,
       'queued', (select last_seq from hub.change_numbers n where n.resource = r.resource)
     from jsonb_to_recordset($1) as r(id uuid, sync text, resource text, department text,
       priority int, "scheduledAt" timestamptz, kind text, mode text, lane text)
     where not exists (
       select from hub.runs q where q.sync = r.sync and q.state = 'queued' and not q.is_aside)
     on conflict (id) do nothing
     returning id, lane, priority`,
    [JSON.stringify(runs)],
  )
  return rows
}

async function moveOn(client: PoolClient, due: readonly DueSync[], now: Date): Promise<void> {
  const next = due.map(({ id, cron, timezone }) => ({
    id,
    nextDueAt: cron === null ? null : nextDue(cron, timezone, now),
  }))
  await client.query(
    `update hub.syncs s set next_due_at = r."nextDueAt"
     from jsonb_to_recordset($1) as r(id text, "nextDueAt" timestamptz) where s.id = r.id`,
    [JSON.stringify(next)],
  )
}

export interface Scheduling {
  close(): Promise<void>
}

export interface SchedulingParts {
  pool: Pool
  queue: Pick<RunQueue, 'ringAll'>
  clock: { now: () => Date }
  log: Log
}

/** Looks at the schedule every second. Any number of processes may: whoever is first does the work. */
export function startScheduling({ pool, queue, clock, log }: SchedulingParts): Scheduling {
  let underWay: Promise<void> | null = null
  const look = async (): Promise<void> => {
    try {
      const made = await makeDueRuns(pool, clock.now())
      if (made !== null && made.length > 0) await queue.ringAll(made)
    } catch (error) {
      log.warn({ err: error }, 'the schedule could not be looked at; the next second tries again')
    }
  }
  const task = schedule(
    '* * * * * *',
    () => {
      underWay ??= look().finally(() => (underWay = null))
    },
    { suppressMissedWarning: true, unref: true },
  )
  return {
    close: async () => {
      await task.destroy()
      await underWay
    },
  }
}
