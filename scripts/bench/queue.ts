import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { createPostgresBackend, Queue, Worker } from 'bullmq'
import { type City, publishPopulation, purpose } from './city.ts'
import { emptyRunsPerSecond } from './empty-runs.ts'
import { idNumberAt } from './population-rows.ts'
import { atLeast, atMost, type Results } from './results.ts'
import { sharedResource } from './shared-records.ts'

/** As many syncs as a prefecture city has resources with data, all due at once. */
const syncCount = 951
/** The hub's workers, as they are by default in both lanes; bare BullMQ is given as many. */
export const workerCount = 4

/**
 * Empty runs from claim to end against jobs of bare BullMQ, both on the same PostgreSQL; and how long a read
 * by key waits while 951 pulls are due at once, against an idle hub.
 */
export async function measureQueue(city: City): Promise<Results> {
  const value = await emptyRunsPerSecond(city, { runCount: 2 * syncCount, workerCount })
  const baseline = await bareJobsPerSecond(city, 2 * syncCount)
  return {
    queue: atLeast(0.3, { value, unit: 'runs/s', baseline }),
    'queue-p99': await waitsDuringPulls(city),
  }
}

async function waitsDuringPulls(city: City) {
  await city.database.query('create table bench.nothing (note text)')
  await publishPopulation(city, 'population-empty')
  for (let index = 0; index < syncCount; index += 1) {
    await city.call('POST', '/v1/syncs', {
      id: `empty-${index}`,
      resource: 'population-empty',
      direction: 'pull',
      source: {
        connector: 'postgres',
        settings: { url: city.databaseUrl, table: 'bench.nothing' },
      },
      mapping: { fields: { name: { from: 'note' } } },
      mode: 'full',
      schedule: { cron: '0 0 1 1 *', timezone: 'Asia/Shanghai' },
    })
  }
  const idle = await readP99(city, () => sleep(5000))
  const busy = await readP99(city, async () => {
    await city.database.query(`update hub.syncs set next_due_at = now() where id like 'empty-%'`)
    await untilPulled(city)
  })
  return atMost(3, { value: busy, unit: 'ms', baseline: idle })
}

async function untilPulled(city: City): Promise<void> {
  for (;;) {
    await sleep(500)
    const { rows } = await city.database.query<{ ended: string; bad: string }>(
      `select count(*) filter (where ended_at is not null) as ended,
         count(*) filter (where state in ('failed', 'cancelled', 'partial')) as bad
       from hub.runs where sync like 'empty-%'`,
    )
    const { ended = '0', bad = '0' } = rows[0] ?? {}
    if (bad !== '0') throw new Error(`${bad} of the pulls did not end well`)
    if (Number(ended) === syncCount) return
  }
}

/** Reads at a steady pace, as approval systems ask, for as long as `meanwhile` takes. */
async function readP99(city: City, meanwhile: () => Promise<unknown>): Promise<number> {
  let next = 0
  const firing = autocannon(
    {
      url: `${city.hub.url}/v1/resources/${sharedResource}/records/read`,
      connections: 4,
      overallRate: 100,
      duration: 600,
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
    },
    () => undefined,
  )
  const done: Promise<autocannon.Result[]> = once(firing, 'done')
  await meanwhile()
  firing.stop()
  const [result] = await done
  if (result === undefined) throw new Error('reads were not measured')
  if (result.non2xx > 0 || result['2xx'] === 0) throw new Error('reads failed beside the queue')
  return result.latency.p99
}

/** Jobs that do nothing, on a schema of their own beside the hub's. */
async function bareJobsPerSecond(city: City, jobCount: number): Promise<number> {
  const connection = {
    connectionString: city.databaseUrl,
    schema: 'bench_bullmq',
    migrate: true,
  }
  const queue = new Queue('bare', { connection }, createPostgresBackend)
  const jobs = Array.from({ length: jobCount }, (_, index) => ({
    name: 'nothing',
    data: {},
    // As the hub rings: with a priority, and leaving nothing behind.
    opts: { jobId: `job-${index}`, priority: 5, removeOnComplete: true, removeOnFail: true },
  }))
  await queue.addBulk(jobs)
  const done = Promise.withResolvers<void>()
  let doneCount = 0
  const begun = performance.now()
  const worker = new Worker(
    'bare',
    async () => undefined,
    { connection, concurrency: workerCount },
    createPostgresBackend,
  )
  worker.on('completed', () => {
    doneCount += 1
    if (doneCount === jobCount) done.resolve()
  })
  await done.promise
  const seconds = (performance.now() - begun) / 1000
  await worker.close()
  await queue.close()
  return jobCount / seconds
}
