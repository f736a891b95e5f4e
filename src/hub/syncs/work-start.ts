import type { Log } from '../database/log.ts'
import type { Hub } from '../hub.ts'
import { type Scheduling, startScheduling } from './schedule-runs.ts'
import { startWorking, type Working } from './work-lanes.ts'
import type { RunWorks } from './work-runs.ts'

/** What a process does beside answering calls. */
export interface Processing {
  working: Working | null
  scheduling: Scheduling | null
  close(): Promise<void>
}

/** Starts the roles `worker` and `scheduler` where this process has them. */
export async function startProcessing(
  hub: Pick<Hub, 'config' | 'database' | 'queue' | 'intake' | 'clock'>,
  works: RunWorks,
  log: Log,
): Promise<Processing> {
  const { config, database, queue, intake, clock } = hub
  const { pool } = database
  const working = config.roles.includes('worker')
    ? await startWorking({
        pool,
        queue,
        works,
        workStored: (runId) => intake.stored.work(runId),
        holder: intake.parts.holder,
        workerCounts: config.queue.workerCounts,
        log,
      })
    : null
  const scheduling = config.roles.includes('scheduler')
    ? startScheduling({ pool, queue, clock, log })
    : null
  return {
    working,
    scheduling,
    close: async () => {
      await scheduling?.close()
      // Stored pushes are told at the same time, for the workers wait for them.
      await Promise.all([working?.close(), working && intake.stored.close()])
    },
  }
}
