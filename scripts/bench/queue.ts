import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { createPostgresBackend, Queue, Worker } from 'bullmq'
import { type City, publishPopulation, purpose } from './city.ts'
import { idNumberAt } from './population-rows.ts'
import { atLeast, atMost, type Results } from './results.ts'
import { sharedResource } from './shared-records.ts'

/** As many syncs as a prefecture city has resources with data, all due at once. */
const syncCount = 951
/** The hub's workers, as they are by default in both lanes; bare BullMQ is given as many. */
const workerCount = 4

/**
 * Empty runs, from claim to end, against bare BullMQ on the same PostgreSQL; and how long a read by key
 * waits while all of them are due at once, against an idle hub.
 */
export async function measureQueue(city: City): Promise<Results> {
  await city.database.query('create table bench.nothing (note text)')
  await publishPopulation(city, 'population-empty')
  const ids = Array.from({ length: syncCount }, (_, index) => `empty-${index}`)
  for (const id of ids) {
    await city.call('POST', '/v1/syncs', {
      id,
      resource: 'population-empty',
      direction: 'pull',
      source: {
        connector: 'postgres',
        settings: { url: city.databaseUrl, table: 'bench.nothing' },
      },
      mapping: { fields: { name: { from: 'note' } } },
      mode: 'full',
      limits: { concurrency: workerCount },
    })
  }
  const idle = await readP99(city, 5)
  const busy = readP99(city, 15)
  await city.database.query(`update hub.syncs set cron = '0 0 1 1 *', timezone = 'Asia/Shanghai',
    next_due_at = now() where id like 'empty-%'`)
  const value = await runsPerSecond(city)
  return {
    queue: atLeast(0.3, { value, unit: 'runs/s', baseline: await bareJobsPerSecond(city) }),
    'queue-p99': atMost(3, { value: await busy, unit: 'ms', baseline: idle }),
  }
}

async function runsPerSecond(city: City): Promise<number> {
  for (;;) {
    await sleep(500)
    const { rows } = await city.database.query<{ ended: string; bad: string; seconds: number }>(
      `select count(*) filter (where ended_at is not null) as ended,
         count(*) filter (where state in ('failed', 'cancelled', 'partial')) as bad,
         extract(epoch from max(ended_at) - min(started_at))::float as seconds
       from hub.runs where sync like 'empty-%'`,
    )
    const { ended = '0', bad = '0', seconds = 0 } = rows[0] ?? {}
    if (bad !== '0') throw new Error(`${bad} of the empty runs did not end well`)
    if (Number(ended) === syncCount) return syncCount / seconds
  }
}

/** Reads at a steady pace, as approval systems ask: not as many as the hub can bear. */
async function readP99(city: City, seconds: number): Promise<number> {
  let next = 0
  const result = await autocannon({
    url: `${city.hub.url}/v1/resources/${sharedResource}/records/read`,
    connections: 4,
    overallRate: 200,
    duration: seconds,
    timeout: 30,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${city.consumerToken}`,
      'x-purpose': purpose,
      'x-operator': encodeURIComponent('王芳'),
    },
    setupClient: (client) => {
      client.setRequests(
        Array.from({ length: 100 }, () => ({
          body: JSON.stringify({ key: idNumberAt((next++ * 7919) % city.options.recordCount) }),
        })),
      )
    },
  })
  if (result.errors > 0 || result.non2xx > 0) throw new Error('reads failed beside the queue')
  return result.latency.p99
}

/** Jobs that do nothing, on a schema of their own beside the hub's. */
async function bareJobsPerSecond(city: City): Promise<number> {
  const connection = { connectionString: city.databaseUrl, schema: 'bench_bullmq', migrate: true }
  const queue = new Queue('bare', { connection }, createPostgresBackend)
  const jobs = Array.from({ length: syncCount }, (_, index) => ({
    name: 'nothing',
    data: {},
    opts: { jobId: `job-${index}`, removeOnComplete: true },
  }))
  await queue.addBulk(jobs)
  let doneCount = 0
  const done = Promise.withResolvers<void>()
  const begun = performance.now()
  const worker = new Worker(
    'bare',
    async () => undefined,
    { connection, concurrency: workerCount },
    createPostgresBackend,
  )
  worker.on('completed', () => {
    doneCount += 1
    if (doneCount === syncCount) done.resolve()
  })
  await done.promise
  const seconds = (performance.now() - begun) / 1000
  await worker.close()
  await queue.close()
  return syncCount / seconds
}
