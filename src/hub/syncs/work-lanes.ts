import type { Log } from '../database/log.ts'
import { lanes } from '../queue/limits.ts'
import type { RunQueue } from '../queue/run-queue.ts'
import { syncLimits } from './limits.ts'
import { findForgottenRuns, restPausedRuns } from './sweep-runs.ts'
import { createRunWorkers, type WorkParts } from './work-runs.ts'

export interface Working {
  /** Rings for whatever lies forgotten, now. */
  sweep(): Promise<void>
  /** Takes nothing more; what is under way goes back to the queue at its next step. */
  close(): Promise<void>
}

export interface LaneParts extends WorkParts {
  queue: RunQueue
  /** Runs at once in each lane of this process; 0: none of that lane. */
  workerCounts: { small: number; large: number }
}

/** Works off both lanes, and sweeps every few seconds. Small runs have their own places, so large ones never starve them. */
export async function startWorking(parts: LaneParts): Promise<Working> {
  const { pool, queue, log, workerCounts } = parts
  const workers = createRunWorkers(parts)
  const busy = lanes.filter((lane) => workerCounts[lane] > 0)
  const answering = await Promise.all(
    busy.map((lane) => queue.answer(lane, workerCounts[lane], (runId) => workers.work(runId))),
  )
  const sweep = async (): Promise<void> => {
    await restPausedRuns(pool)
    await queue.ringAll(await findForgottenRuns(pool))
  }
  const sweeping = repeat(sweep, log)
  return {
    sweep,
    close: async () => {
      workers.stop()
      await Promise.all([sweeping.close(), ...answering.map((worker) => worker.close())])
    },
  }
}

/** One after the other, and never at the same moment as the other processes that were started together. */
function repeat(work: () => Promise<void>, log: Log): { close(): Promise<void> } {
  let underWay: Promise<void> | null = null
  const once = (): void => {
    underWay ??= work()
      .catch((error: unknown) => log.warn({ err: error }, 'forgotten runs could not be looked for'))
      .finally(() => (underWay = null))
  }
  once()
  const timer = setInterval(once, syncLimits.sweepMs * (0.9 + Math.random() * 0.2))
  timer.unref()
  return {
    close: async () => {
      clearInterval(timer)
      await underWay
    },
  }
}
