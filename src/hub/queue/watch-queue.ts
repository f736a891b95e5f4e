import type { Metrics } from '../http/metrics.ts'
import type { QueueDepth, RunQueue } from './run-queue.ts'

/** How long readiness and metrics wait for the queue: its absence is a warning, not a fault. */
const answerMsMax = 1000

async function depthInTime(queue: RunQueue): Promise<QueueDepth | null> {
  const { promise, resolve } = Promise.withResolvers<null>()
  const timer = setTimeout(() => resolve(null), answerMsMax)
  try {
    return await Promise.race([queue.depth().catch(() => null), promise])
  } finally {
    clearTimeout(timer)
  }
}

/** That the queue does not answer keeps no call from being served: runs are committed and rung later. */
export const queueWarnings = (queue: RunQueue) => async (): Promise<string[]> =>
  (await depthInTime(queue)) === null
    ? [
        '任务队列无应答,运行将在其恢复后继续 / The queue does not answer; runs go on when it is back',
      ]
    : []

/** All warnings together; one that cannot be found out is left out. */
export const allWarnings =
  (sources: readonly (() => Promise<readonly string[]>)[]) => async (): Promise<string[]> => {
    const found = await Promise.all(sources.map((source) => source().catch(() => [])))
    return found.flat()
  }

/** Gauges of the queue; NaN where it does not answer. */
export function watchQueue(metrics: Pick<Metrics, 'addGauge'>, queue: RunQueue): void {
  // One question answers the three of them when metrics are asked for.
  let asked: Promise<QueueDepth | null> | null = null
  const ask = (): Promise<QueueDepth | null> => {
    asked ??= depthInTime(queue).finally(() => setImmediate(() => (asked = null)))
    return asked
  }
  for (const state of ['waiting', 'active', 'delayed'] as const) {
    metrics.addGauge({
      name: `shuqiao_queue_${state}`,
      help: `Jobs of the queue that are ${state}`,
      read: async () => (await ask())?.[state] ?? Number.NaN,
    })
  }
  metrics.addGauge({
    name: 'shuqiao_queue_failed_rings',
    help: 'Times that the queue could not be rung since the start; the sweep rang again',
    read: () => queue.failedRingCount,
  })
}

/** Has a worker take up a push whose body is stored. */
export const ringStored =
  (queue: RunQueue) =>
  (runId: string): Promise<void> =>
    queue.ring({ id: runId, lane: 'small', priority: storedPriority })

/** As a sync that says nothing of its own. */
const storedPriority = 5
