import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'

import { v7 as newId } from 'uuid'
import type { SyncLimits } from '../../../schemas/api/syncs.ts'
import { silentLog } from '../../../src/hub/database/log.ts'
import type { RunRow } from '../../../src/hub/intake/run-rows.ts'
import { runStore } from '../../../src/hub/intake/runs.ts'
import { openRunQueue, type RunQueue } from '../../../src/hub/queue/run-queue.ts'
import type { RunWork } from '../../../src/hub/syncs/run-work.ts'
import { startWorking, type Working } from '../../../src/hub/syncs/work-lanes.ts'
import type { RunWorks } from '../../../src/hub/syncs/work-runs.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { startRedis, type TestRedis } from '../../support/servers/redis.ts'

/** Which backend the suite runs on: the project of the run says so. */
export const isRedisRun = process.env['SHUQIAO_TEST_QUEUE'] === 'redis'

/** Faults are shown when the run is asked to: `SHUQIAO_TEST_LOG=1`. */
const benchLog = process.env['SHUQIAO_TEST_LOG'] ? console : silentLog

export interface SyncGiven {
  direction?: 'pull' | 'deliver'
  mode?: 'full' | 'incremental'
  origin?: string
  cron?: string | null
  timezone?: string | null
  limits?: SyncLimits
  priority?: number
  state?: 'active' | 'paused'
  nextDueAt?: Date | null
}

export type RunGiven = Partial<
  Pick<RunRow, 'isAside' | 'lane' | 'priority' | 'kind' | 'checkpoint'>
> & { notBefore?: Date }

/** A stand-in for one process of the hub: its own connection to the queue, its own lanes. */
export interface TestProcess {
  queue: RunQueue
  working: Working
  close(): Promise<void>
}

export interface QueueBench {
  testDatabase: TestDatabase
  pool: Pool
  redis: TestRedis | null
  redisUrl: string | undefined
  /** A queue of one's own, closed with the bench. */
  openQueue(): RunQueue
  process(works: RunWorks, counts?: { small: number; large: number }): Promise<TestProcess>
  makeSync(id: string, given?: SyncGiven): Promise<string>
  /** Queued and rung for by nobody. */
  makeRun(sync: string, given?: RunGiven): Promise<string>
  run(id: string): Promise<RunRow>
  runsOf(sync: string): Promise<RunRow[]>
  close(): Promise<void>
}

export async function openQueueBench(): Promise<QueueBench> {
  const testDatabase = await createTestDatabase()
  const redis = isRedisRun ? await startRedis() : null
  const { pool, directUrl } = testDatabase.database
  await seed(pool)
  const closing: (() => Promise<void>)[] = []
  const openQueue = (): RunQueue => {
    const queue = openRunQueue({ directUrl, redisUrl: redis?.url, log: benchLog })
    closing.push(() => queue.close())
    return queue
  }
  const run = async (id: string): Promise<RunRow> => {
    const found = await runStore(pool).find(id)
    if (found === null) throw new Error(`No run ${id}`)
    return found
  }
  return {
    testDatabase,
    pool,
    redis,
    redisUrl: redis?.url,
    openQueue,
    process: async (works, workerCounts = { small: 3, large: 1 }) => {
      const queue = openQueue()
      const parts = { pool, queue, works, workerCounts, holder: newId(), log: benchLog }
      const working = await startWorking({ ...parts, workStored: async () => undefined })
      let closed: Promise<void> | undefined
      const close = (): Promise<void> => (closed ??= working.close())
      closing.push(close)
      return { queue, working, close }
    },
    makeSync: (id, given) => insertSync(pool, id, given),
    makeRun: (sync, given) => insertRun(pool, sync, given),
    run,
    runsOf: async (sync) => {
      const { rows } = await pool.query<{ id: string }>(
        'select id from hub.runs where sync = $1 order by id',
        [sync],
      )
      return Promise.all(rows.map(({ id }) => run(id)))
    },
    close: async () => {
      for (const close of closing.toReversed()) await close()
      await redis?.close()
      await testDatabase.drop()
    },
  }
}

async function seed(pool: Pool): Promise<void> {
  await pool.query(`
    insert into hub.departments (id, name, division, kind) values ('provider', '部门', '430182', 'department');
    insert into hub.staff (id, account, name, department, roles) values ('maker', 'maker', '人员', 'provider', '{operator}');
    insert into hub.resources (id, code, provider, title, share_type, state, draft, fields, keys)
    values ('things', '430182/1', 'provider', '资源', 'conditional', 'published', '{}', '[]', '[]')`)
}

async function insertSync(pool: Pool, id: string, given: SyncGiven = {}): Promise<string> {
  await pool.query(
    `insert into hub.syncs (id, resource, direction, department, connector, settings, origin, mode, cron,
       timezone, limits, priority, state, next_due_at, created_by)
     values ($1, 'things', $2, 'provider', 'postgres', '{}', $3, $4, $5, $6, $7, $8, $9, $10, 'maker')`,
    [
      id,
      given.direction ?? 'pull',
      given.origin ?? `store of ${id}`,
      given.mode ?? 'incremental',
      given.cron ?? null,
      given.timezone ?? null,
      given.limits ?? {},
      given.priority ?? 5,
      given.state ?? 'active',
      given.nextDueAt ?? null,
    ],
  )
  return id
}

async function insertRun(pool: Pool, sync: string, given: RunGiven = {}): Promise<string> {
  const id = newId()
  await pool.query(
    `insert into hub.runs (id, resource, kind, mode, state, department, sync, is_aside, lane, priority, not_before)
     values ($1, 'things', $2, 'changes', 'queued', 'provider', $3, $4, $5, $6, $7)`,
    [
      id,
      given.kind ?? 'pull',
      sync,
      given.isAside ?? false,
      given.lane ?? 'small',
      given.priority ?? 5,
      given.notBefore ?? null,
    ],
  )
  return id
}

/** Ends its run well and at once, after `meanwhile`. */
export const endingWork =
  (
    pool: Pool,
    meanwhile: (runId: string, signal: AbortSignal) => unknown = () => undefined,
  ): RunWork =>
  async ({ run, holder, signal }) => {
    await meanwhile(run.id, signal)
    const ended = await runStore(pool).succeed(run.id, holder)
    if (ended === null) throw new Error(`Run ${run.id} is no longer held`)
    return { kind: 'ended', run: ended }
  }

/** Waits for what the test promises; how long it takes is not promised beyond the test's own limit. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  secondsMax = 40,
): Promise<T> {
  for (let step = 0; step < secondsMax * 20; step += 1) {
    const answer = await ask()
    if (answer !== false && answer !== null && answer !== undefined) return answer
    await sleep(50)
  }
  throw new Error(`Waited in vain: ${what}`)
}

/** A gate that works wait at. */
export function gate(): { opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: () => resolve() }
}
