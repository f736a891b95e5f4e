import type { Hub } from '../hub.ts'
import type { ApiRoutes } from '../http/api.ts'
import { adapterRoutes } from './adapter-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { probeRoutes } from './probe-routes.ts'
import { syncRoutes } from './sync-routes.ts'
import { syncRunRoutes } from './sync-run-routes.ts'

/** Syncs: their definitions, runs by hand, probes, adapters, and runs as they happen. */
export const syncsArea =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    await app.register(syncRoutes(hub))
    await app.register(syncRunRoutes(hub))
    await app.register(probeRoutes(hub))
    await app.register(adapterRoutes(hub))
    await app.register(eventRoutes(hub))
  }
