import type { Authenticator } from './identity/authenticate.ts'
import type { CallLog } from './http/audit-call.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Changes } from './http/changes.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { HubDatabase } from './database/stores.ts'
import type { InFlight } from './http/in-flight.ts'
import type { Intake } from './intake/intake.ts'
import type { Keys } from './keys.ts'
import type { Metrics } from './http/metrics.ts'
import type { RunQueue } from './queue/run-queue.ts'
import type { Setup } from './identity/setup.ts'

/** What every area's routes are given. */
export interface Hub {
  config: Config
  database: HubDatabase
  auditLog: CallLog
  keys: Keys
  clock: Clock
  metrics: Metrics
  authenticator: Authenticator
  setup: Setup
  inFlight: InFlight
  changes: Changes
  catalog: Catalog
  intake: Intake
  /** Ring for a run once it is committed; never before. */
  queue: RunQueue
}

declare module 'fastify' {
  interface FastifyInstance {
    hub: Hub
  }
}
