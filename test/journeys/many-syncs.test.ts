import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEmptyDatabase, type EmptyDatabase } from '../support/database.ts'
import { buildTestHub, type TestHub } from '../support/hub.ts'
import { publishPlain } from '../support/resources.ts'

/** As many as a prefecture city has resources with data. */
const syncCount = 951
const gateLock = 951

let hub: TestHub
let department: EmptyDatabase
let source: Client
beforeAll(async () => {
  hub = await buildTestHub({ workers: true, scheduler: true })
  department = await createEmptyDatabase()
  source = new Client({ connectionString: department.urls.superuser })
  await source.connect()
  await hub.makeDepartment('department')
  await publishPlain(hub, { id: 'things', provider: 'department' })
})

afterAll(async () => {
  await hub.close()
  await source.end()
  await department.drop()
})

/** A table of three rows each; the first sync's is a view that gives no row while the gate is shut. */
async function createTables(): Promise<void> {
  await source.query(`do $$ begin
    for n in 1..${syncCount} loop
      execute format('create table t_%s as select %s || ''-'' || m as thing, m as amount from generate_series(1, 3) m', n, n);
    end loop;
  end $$`)
  await source.query(`create function gate() returns integer language plpgsql volatile as
    $$ begin perform pg_advisory_xact_lock_shared(${gateLock}); return 1; end $$`)
  await source.query('create view slow as select thing, amount * gate() as amount from t_1')
}

async function defineSyncs(): Promise<void> {
  for (let n = 1; n <= syncCount; n += 1) {
    const table = n === 1 ? 'slow' : `t_${n}`
    const answer = await hub.call('POST', '/v1/syncs', {
      token: hub.adminToken,
      body: {
        id: `sync-${n}`,
        resource: 'things',
        direction: 'pull',
        source: { connector: 'postgres', settings: { url: department.urls.superuser, table } },
        mode: 'incremental',
        cursor: ['thing'],
        priority: n === 1 ? 1 : 5,
        limits: { noProgressSeconds: 600 },
        // Once a year: the test says when.
        schedule: { cron: '0 0 1 1 *', timezone: 'Asia/Shanghai' },
      },
    })
    if (answer.statusCode !== 201) throw new Error(answer.body)
  }
}

const states = async (): Promise<Map<string, number>> => {
  const { rows } = await hub.testDatabase.database.pool.query<{ state: string; count: number }>(
    'select state, count(*)::integer as count from hub.runs where sync is not null group by state',
  )
  return new Map(rows.map(({ state, count }) => [state, count]))
}

async function until(isSo: (found: Map<string, number>) => boolean): Promise<void> {
  for (;;) {
    const found = await states()
    if ((found.get('failed') ?? 0) > 0) throw new Error('a run failed')
    if (isSo(found)) return
    await sleep(250)
  }
}

test('951 syncs that are due at once all end well, and none waits for the one that takes long', async () => {
  await createTables()
  await defineSyncs()
  await source.query(`select pg_advisory_lock(${gateLock})`)
  const { pool } = hub.testDatabase.database
  await pool.query('update hub.syncs set next_due_at = now()')
  // The long one is first in line and still at work when all others have ended.
  await until((found) => found.get('succeeded') === syncCount - 1 && found.get('running') === 1)
  await source.query(`select pg_advisory_unlock(${gateLock})`)
  await until((found) => found.get('succeeded') === syncCount)
  const { rows } = await pool.query<{ count: number; runs: number }>(
    `select count(*)::integer as count,
       (select count(distinct sync)::integer from hub.runs where scheduled_at is not null) as runs
     from hub.syncs where last_success_at is not null`,
  )
  expect(rows).toEqual([{ count: syncCount, runs: syncCount }])
}, 600_000)
