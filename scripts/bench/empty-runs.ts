import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { type Database, openDatabase } from '../../src/hub/database/connect.ts'
import { readPasswords, urlOf } from '../../src/hub/database/embedded-roles.ts'
import { silentLog } from '../../src/hub/database/log.ts'
import { migrate } from '../../src/hub/database/migrate.ts'
import { runStore } from '../../src/hub/intake/runs.ts'
import { openRunQueue } from '../../src/hub/queue/run-queue.ts'
import type { RunWork } from '../../src/hub/syncs/run-work.ts'
import { startWorking } from '../../src/hub/syncs/work-lanes.ts'
import type { City } from './city.ts'

const name = 'bench_queue'

/**
 * Runs whose work is to end: rung for, claimed, held, ended, all as a worker of the hub does it, on a
 * database of their own where no hub answers for them.
 */
export async function emptyRunsPerSecond(
  city: City,
  { runCount, workerCount }: { runCount: number; workerCount: number },
): Promise<number> {
  const database = await openBenchDatabase(city)
  const { pool, directUrl } = database
  await pool.query(runsOf(runCount))
  const queue = openRunQueue({ directUrl, redisUrl: undefined, log: silentLog })
  const working = await startWorking({
    pool,
    queue,
    works: { pull: endAtOnce(database) },
    workStored: async () => undefined,
    workerCounts: { small: workerCount, large: 0 },
    holder: 'bench',
    log: silentLog,
  })
  const { rows } = await pool.query<{ id: string }>('select id from hub.runs')
  await queue.ringAll(rows.map(({ id }) => ({ id, lane: 'small', priority: 5 })))
  const seconds = await secondsUntilEnded(database, runCount)
  await working.close()
  await queue.close()
  await database.close()
  return runCount / seconds
}

async function openBenchDatabase(city: City): Promise<Database> {
  const server = new Client({ connectionString: city.databaseUrl })
  await server.connect()
  await server.query(`create database ${name} owner shuqiao_owner`)
  await server.end()
  const port = Number(new URL(city.databaseUrl).port)
  const passwords = readPasswords(city.dataDir)
  await migrate({ url: urlOf('shuqiao_owner', passwords.owner, port, name) })
  return openDatabase({ url: urlOf('shuqiao_app', passwords.app, port, name) })
}

/** One sync and one run each; forty stores, so that no store's limit is what is measured. */
const runsOf = (count: number): string => `
  insert into hub.departments (id, name, division, kind) values ('provider', '部门', '430182', 'department');
  insert into hub.staff (id, account, name, department, roles) values ('maker', 'maker', '人员', 'provider', '{operator}');
  insert into hub.resources (id, code, provider, title, share_type, state, draft, fields, keys)
    values ('things', '430182/1', 'provider', '资源', 'conditional', 'published', '{}', '[]', '[]');
  insert into hub.syncs (id, resource, direction, department, connector, settings, origin, mode, created_by)
    select 'sync-' || n, 'things', 'pull', 'provider', 'postgres', '{}', 'store ' || n % 40, 'incremental', 'maker'
    from generate_series(1, ${count}) n;
  insert into hub.runs (id, resource, kind, mode, state, department, sync)
    select gen_random_uuid(), 'things', 'pull', 'changes', 'queued', 'provider', id from hub.syncs;
  analyze`

const endAtOnce =
  ({ pool }: Database): RunWork =>
  async ({ run, holder }) => {
    const ended = await runStore(pool).succeed(run.id, holder)
    if (ended === null) throw new Error(`run ${run.id} was lost`)
    return { kind: 'ended', run: ended }
  }

/** By the database's clock, from the first run's beginning to the last one's end. */
async function secondsUntilEnded({ pool }: Database, runCount: number): Promise<number> {
  for (;;) {
    await sleep(100)
    const { rows } = await pool.query<{ ended: number; seconds: number }>(
      `select count(ended_at) as ended,
         extract(epoch from max(ended_at) - min(started_at))::float8 as seconds from hub.runs`,
    )
    const { ended = 0, seconds = 0 } = rows[0] ?? {}
    if (ended === runCount) return seconds
  }
}
