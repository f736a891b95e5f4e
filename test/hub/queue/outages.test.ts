import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { inTransaction } from '../../../src/hub/database/connect.ts'
import { batchesWanted, landingWork } from './landing-work.ts'
import {
  endingWork,
  gate,
  isRedisRun,
  openQueueBench,
  type QueueBench,
  type TestProcess,
  until,
} from './support.ts'

let bench: QueueBench
const processes: TestProcess[] = []
beforeAll(async () => {
  bench = await openQueueBench()
})
afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.close()))
})
afterAll(() => bench.close())

const start = async (...given: Parameters<QueueBench['process']>): Promise<TestProcess> => {
  const process = await bench.process(...given)
  processes.push(process)
  return process
}

/** Kills a worker in the middle of a run; answers after how long another has ended it, all of it once. */
async function killWorker(sync: string): Promise<number> {
  const id = await bench.makeRun(await bench.makeSync(sync))
  const args = [join(import.meta.dirname, 'doomed-worker.ts'), bench.testDatabase.urls.app]
  if (bench.redisUrl !== undefined) args.push(bench.redisUrl)
  const doomed = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  doomed.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await until('the third batch', () => said.includes('batch 3'), 120)
  const heir = await start({
    pull: landingWork((change) => inTransaction(bench.pool, change), {
      pool: bench.pool,
      onBatch: async () => undefined,
    }),
  })
  await heir.queue.ring({ id, lane: 'small', priority: 5 })
  expect((await bench.run(id)).checkpoint).toBe(3)
  doomed.kill('SIGKILL')
  const killedAt = performance.now()
  await once(doomed, 'exit')
  const run = await until('the end', async () => {
    const run = await bench.run(id)
    return run.endedAt !== null && run
  })
  const tookMs = performance.now() - killedAt
  await heir.close()
  expect(run).toMatchObject({ state: 'succeeded', attempt: 0, batchCount: batchesWanted })
  const { rows } = await bench.pool.query(
    'select number from hub.batches where run_id = $1 order by number',
    [id],
  )
  expect(rows.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6])
  return tookMs
}

test('a run whose worker is killed goes on under its id within 15 seconds, and nothing of it is doubled', async () => {
  // A machine that pauses may make one of them late; a hub that is slow makes all of them late.
  let tookMs = Number.POSITIVE_INFINITY
  for (let round = 1; round <= 4 && tookMs >= 15_000; round += 1) {
    tookMs = await killWorker(`killed-${round}`)
  }
  expect(tookMs).toBeLessThan(15_000)
}, 300_000)

test('a queue that never rings connects to nothing', async () => {
  const { rows: clock } = await bench.pool.query('select clock_timestamp()::text as now')
  const queue = bench.openQueue()
  await queue.close()
  // Those of the test before may still be closing.
  const { rows } = await bench.pool.query(
    `select pid from pg_stat_activity
     where application_name = 'shuqiao-queue' and datname = current_database() and backend_start > $1`,
    [clock[0].now],
  )
  expect(rows).toEqual([])
})

describe('a queue that has forgotten everything', () => {
  test('loses no run: what waited is rung again', async () => {
    const begun = gate()
    const end = gate()
    const process = await start(
      {
        pull: endingWork(bench.pool, async () => {
          begun.open()
          await end.opened
        }),
      },
      { small: 1, large: 0 },
    )
    const runs: string[] = []
    for (let at = 0; at < 5; at += 1) {
      const id = await bench.makeRun(await bench.makeSync(`flushed-${at}`))
      await process.queue.ring({ id, lane: 'small', priority: 5 })
      runs.push(id)
    }
    await begun.opened
    if (bench.redis) await bench.redis.flush()
    else await bench.pool.query('delete from bullmq.job')
    end.open()
    await until('all of them', async () => {
      const states = await Promise.all(runs.map(async (id) => (await bench.run(id)).state))
      return states.every((state) => state === 'succeeded')
    })
  })
})

const cutPostgres = (): void => {
  test('is connected to anew, by those who ring and by those who listen', async () => {
    const process = await start({ pull: endingWork(bench.pool) })
    const first = await bench.makeRun(await bench.makeSync('before-the-cut'))
    await process.queue.ring({ id: first, lane: 'small', priority: 5 })
    await until('the first', async () => (await bench.run(first)).state === 'succeeded')
    const connections = `pg_stat_activity
      where datname = current_database() and application_name ~ '^shuqiao-(queue|small|large)'`
    for (let cut = 1; cut <= 2; cut += 1) {
      await until('both lanes and those who ring are connected', async () => {
        const { rows } = await bench.pool.query(`select pid from ${connections}`)
        return rows.length >= 3
      })
      await bench.pool.query(`select pg_terminate_backend(pid) from ${connections}`)
      const id = await bench.makeRun(await bench.makeSync(`after-cut-${cut}`))
      await process.queue.ring({ id, lane: 'small', priority: 5 })
      await until('the next', async () => (await bench.run(id)).state === 'succeeded')
    }
  })
}

const loseRedis = (): void => {
  test('fails no ring, and what was committed meanwhile goes on when it is back', async () => {
    const process = await start({ pull: endingWork(bench.pool) })
    await bench.redis?.stop()
    const id = await bench.makeRun(await bench.makeSync('away'))
    await process.queue.ring({ id, lane: 'small', priority: 5 })
    expect((await bench.run(id)).state).toBe('queued')
    await until('the count of failed rings', () => process.queue.failedRingCount > 0)
    await bench.redis?.start()
    await until('the end', async () => (await bench.run(id)).state === 'succeeded')
  })
}

// Each backend fails in its own way.
if (isRedisRun) describe('a Redis that is away', loseRedis)
else describe('a PostgreSQL that cuts every connection of the queue', cutPostgres)
