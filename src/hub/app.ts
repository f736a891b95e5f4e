import type { FastifySerializerCompiler } from 'fastify'
import { mappingOf } from '../../adapters/index.ts'
import { timestampWarnings } from './audit/anchors/timestamp-warnings.ts'
import { auditArea } from './audit/area.ts'
import { logGauges } from './audit/log-gauges.ts'
import { redactionArea } from './audit/redaction-routes.ts'
import { type LagWatch, sealingGauges, sealingWarnings } from './audit/sealed/watch-lag.ts'
import { type CatalogNeeds, openCatalog } from './catalog/catalog.ts'
import { catalogRoutes } from './catalog/routes.ts'
import type { Config } from './config.ts'
import type { Database } from './database/connect.ts'
import { createChanges, listenToChanges } from './http/changes.ts'
import { withStores } from './database/stores.ts'
import { type Clock, systemClock } from './clock.ts'
import { useAccessLog } from './http/access-log.ts'
import { useProblems } from './http/answer-problems.ts'
import type { Api } from './http/api.ts'
import { type CallLog, useAuditLog } from './http/audit-call.ts'
import { receiveCalls, useAuthentication } from './http/authentication.ts'
import { limitBodyTime } from './http/body-time.ts'
import { createApi } from './http/create-api.ts'
import { healthRoutes, type ReadinessCheck } from './http/health-routes.ts'
import { limitInFlight } from './http/in-flight.ts'
import { createMetrics, measureCalls } from './http/metrics.ts'
import { describeApi } from './http/openapi.ts'
import { problemRoutes } from './http/problem-routes.ts'
import { auditCheck, readinessChecks, readinessWarnings } from './http/readiness.ts'
import { useSafeHeaders } from './http/safe-headers.ts'
import { createAuthenticator } from './identity/authenticate.ts'
import { identityRoutes } from './identity/routes.ts'
import { createSetup } from './identity/setup.ts'
import { openIntake } from './intake/intake.ts'
import { intakeRoutes } from './intake/routes.ts'
import type { Hub } from './hub.ts'
import type { Keys } from './keys.ts'
import { boardRoutes } from './queue/board-routes.ts'
import { type RunQueue, silentQueue } from './queue/run-queue.ts'
import { allWarnings, queueWarnings, ringStored, watchQueue } from './queue/watch-queue.ts'
import { hasLiveGrants } from './sharing/grant-store.ts'
import { sharingRoutes } from './sharing/routes.ts'
import { measureSyncs } from './syncs/metrics.ts'
import { syncsArea } from './syncs/routes.ts'

/** What the hub is made of; the same for a server and for a test. */
export interface HubParts {
  config: Config
  database: Database
  auditLog: CallLog
  keys: Keys
  clock?: Clock
  /** Where log lines go; standard output when absent. */
  logStream?: { write(line: string): void }
  /** How answers become JSON; tests check each against its schema on the way. */
  compileSerializer?: FastifySerializerCompiler<unknown>
  /** What else must work before the hub is ready: the queue. */
  checks?: readonly ReadinessCheck[]
  /** Rings for runs; a queue without any worker when absent: pushes are then worked off in this process. */
  queue?: RunQueue
  /** What the catalog asks of adapters and grants. */
  catalog?: CatalogNeeds
  /** How far the sealed log lies behind: for metrics and readiness. */
  sealing?: Pick<LagWatch, 'lag'>
}

/** The departments' adapters that ship with the hub. */
const adapters = { mapping: mappingOf }

/** The whole API without a port: every area is one line. The order of the hooks is their order here. */
export async function buildHub(parts: HubParts): Promise<Api> {
  const { config, auditLog } = parts
  const log = { level: config.logLevel, ...(parts.logStream && { stream: parts.logStream }) }
  const app = createApi({ ...parts, http: config.http, log })
  const hub = assembleHub(parts, app)
  app.decorate('hub', hub)

  useProblems(app)
  useAuditLog(app, auditLog)
  useAccessLog(app, log)
  await useSafeHeaders(app, config.http)
  limitBodyTime(app)
  useAuthentication(app, {
    authenticator: hub.authenticator,
    callsPerSecond: config.http.callsPerSecond,
    anonymousCallsPerSecond: config.http.anonymousPerSecond,
    ...hub.clock,
  })
  const isServing = config.roles.includes('api')
  if (isServing) await describeApi(app)

  const checks = [
    ...readinessChecks(hub.database),
    auditCheck(hub.database, auditLog.gauges),
    ...(parts.checks ?? []),
  ]
  const warnings = allWarnings([
    readinessWarnings(hub.database),
    queueWarnings(hub.queue),
    () => sealingWarnings({ lag: parts.sealing?.lag ?? null }),
    timestampWarnings(hub.database.pool, config.timestamps),
  ])
  await app.register(healthRoutes({ ...hub, checks, warnings }))
  if (isServing) await serveAreas(app, hub)
  listenToChanges(app, hub)
  return app
}

/** Only where the process has the role `api`: a worker answers for its health alone. */
async function serveAreas(app: Api, hub: Hub): Promise<void> {
  await app.register(problemRoutes)
  await app.register(identityRoutes(hub), { prefix: '/v1' })
  await app.register(catalogRoutes(hub), { prefix: '/v1' })
  await app.register(intakeRoutes(hub), { prefix: '/v1' })
  await app.register(sharingRoutes(hub), { prefix: '/v1' })
  await app.register(syncsArea(hub), { prefix: '/v1' })
  await app.register(auditArea(hub), { prefix: '/v1' })
  await app.register(redactionArea(hub), { prefix: '/v1' })
  await app.register(boardRoutes(hub), { prefix: '/board' })
}

function assembleHub(parts: HubParts, app: Api): Hub {
  const { config, auditLog, keys, clock = systemClock } = parts
  const database = withStores(parts.database)
  const metrics = createMetrics()
  receiveCalls(app, clock)
  const inFlight = limitInFlight(app, config.http.concurrencyMax)
  measureCalls(app, metrics)
  metrics.addGauge({
    name: 'shuqiao_http_requests_in_flight',
    help: 'Calls being answered now',
    read: () => inFlight.count,
  })
  metrics.addGauge({
    name: 'shuqiao_audit_entries_waiting',
    help: 'Audit entries handed in and not yet durable',
    read: () => auditLog.gauges?.().waiting ?? 0,
  })
  if (parts.sealing) for (const gauge of sealingGauges(parts.sealing)) metrics.addGauge(gauge)
  const { pool } = database
  for (const gauge of logGauges({ pool, authority: config.timestamps })) metrics.addGauge(gauge)
  const queue = parts.queue ?? silentQueue
  watchQueue(metrics, queue)
  const authenticator = createAuthenticator({ ...database.tokens, nowMs: clock.nowMs })
  const setup = createSetup(database.settings)
  const changes = createChanges()
  changes.subscribe(() => authenticator.clear())
  const catalog = openCatalog({
    database,
    clock,
    changes,
    log: app.log,
    adapters,
    hasLiveGrants,
    ...parts.catalog,
  })
  const intake = openIntake({
    ...parts,
    served: catalog.served,
    adapters: catalog.adapters,
    log: app.log,
    ringStored: parts.queue && ringStored(parts.queue),
  })
  app.addHook('onClose', () => intake.close())
  measureSyncs({ metrics, pool: database.pool, clock, log: app.log })
  return {
    config,
    database,
    auditLog,
    keys,
    clock,
    metrics,
    authenticator,
    setup,
    inFlight,
    changes,
    catalog,
    intake,
    queue,
  }
}
