import type { Hub } from '../app.ts'
import type { ApiRoutes } from '../http/api.ts'
import type { Intake } from './intake.ts'
import { loadRoutes } from './load-routes.ts'
import { pushRoutes } from './push-routes.ts'
import { rejectRoutes } from './reject-routes.ts'
import { runRoutes } from './run-routes.ts'

/** Putting records in: pushes, long loads in numbered batches, runs and their rejects. */
export const intakeRoutes =
  (hub: Hub, intake: Intake): ApiRoutes =>
  async (app) => {
    await app.register(pushRoutes(hub, intake))
    await app.register(loadRoutes(hub, intake))
    await app.register(runRoutes(intake))
    await app.register(rejectRoutes(intake))
  }
