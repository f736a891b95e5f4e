import type { Hub } from '../hub.ts'
import type { ApiRoutes } from '../http/api.ts'
import { loadRoutes } from './load-routes.ts'
import { pushRoutes } from './push-routes.ts'
import { rejectRoutes } from './reject-routes.ts'
import { replayRoutes } from './replay-routes.ts'
import { runRoutes } from './run-routes.ts'

/** Putting records in: pushes, long loads in numbered batches, runs and their rejects. */
export const intakeRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    await app.register(pushRoutes(hub))
    await app.register(loadRoutes(hub))
    await app.register(runRoutes(hub))
    await app.register(rejectRoutes(hub))
    await app.register(replayRoutes(hub))
  }
