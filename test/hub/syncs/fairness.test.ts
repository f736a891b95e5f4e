import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { makeDueRuns } from '../../../src/hub/syncs/schedule-runs.ts'
import {
  endingWork,
  gate,
  openQueueBench,
  type QueueBench,
  type TestProcess,
  until,
} from '../queue/support.ts'

let bench: QueueBench
const processes: TestProcess[] = []
beforeAll(async () => {
  bench = await openQueueBench()
})
afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.close()))
})
afterAll(() => bench.close())

test('runs are worked off by priority, then by age', async () => {
  const order: string[] = []
  const begun = gate()
  const end = gate()
  const process = await bench.process(
    {
      pull: endingWork(bench.pool, async (id) => {
        order.push(id)
        begun.open()
        await end.opened
      }),
    },
    { small: 1, large: 0 },
  )
  processes.push(process)
  let syncCount = 0
  const ring = async (priority: number): Promise<string> => {
    const sync = await bench.makeSync(`in-order-${(syncCount += 1)}`)
    const id = await bench.makeRun(sync, { priority })
    await process.queue.ring({ id, lane: 'small', priority })
    return id
  }
  const first = await ring(9)
  await begun.opened
  const [late, usual, second, urgent] = [await ring(9), await ring(5), await ring(5), await ring(1)]
  end.open()
  await until('all of them', () => order.length === 5)
  expect(order).toEqual([first, urgent, usual, second, late])
})

test('small runs go on while every place of the large lane is stuck', async () => {
  const end = gate()
  let stuck = ''
  const process = await bench.process(
    { pull: endingWork(bench.pool, (id) => (id === stuck ? end.opened : undefined)) },
    { small: 1, large: 1 },
  )
  processes.push(process)
  stuck = await bench.makeRun(await bench.makeSync('stuck'), { lane: 'large' })
  await process.queue.ring({ id: stuck, lane: 'large', priority: 1 })
  await until('the stuck run', async () => (await bench.run(stuck)).state === 'running')
  const free = await bench.makeRun(await bench.makeSync('free'), { priority: 10 })
  await process.queue.ring({ id: free, lane: 'small', priority: 10 })
  await until('the free run', async () => (await bench.run(free)).state === 'succeeded')
  expect((await bench.run(stuck)).state).toBe('running')
  end.open()
})

test('951 syncs due at the same minute all end well, also against a few stores', async () => {
  const dueAt = new Date('2026-05-01T02:00:00Z')
  await bench.pool.query(
    `insert into hub.syncs (id, resource, direction, department, connector, settings, origin, mode, cron,
       timezone, next_due_at, created_by)
     select 's-' || n, 'things', 'pull', 'provider', 'postgres', '{}', 'store ' || n % 40,
       case when n % 10 = 0 then 'full' else 'incremental' end, '0 2 * * *', 'UTC', $1, 'maker'
     from generate_series(1, 951) n`,
    [dueAt],
  )
  const worked: string[] = []
  const works = { pull: endingWork(bench.pool, (id) => worked.push(id)) }
  const process = await bench.process(works, { small: 4, large: 2 })
  processes.push(process)
  const made = await makeDueRuns(bench.pool, dueAt)
  expect(made).toHaveLength(951)
  await process.queue.ringAll(made ?? [])
  await until(
    'the end of all',
    async () => {
      const { rows } = await bench.pool.query(
        `select count(*)::int as open from hub.runs where sync like 's-%' and state <> 'succeeded'`,
      )
      return rows[0].open === 0
    },
    100,
  )
  expect(worked).toHaveLength(951)
  expect(new Set(worked).size).toBe(951)
})
