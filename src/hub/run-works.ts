import { deliverWork } from './delivery/deliver-run.ts'
import type { Hub } from './hub.ts'
import { checkWork } from './syncs/check-run.ts'
import { pullWork } from './syncs/pull-run.ts'
import type { RunWorks } from './syncs/work-runs.ts'

/** What works off each kind of run of a sync. */
export const runWorks = (hub: Hub): RunWorks => ({
  pull: pullWork(hub),
  check: checkWork(hub),
  deliver: deliverWork(hub),
})
