import type { Hub } from '../hub.ts'
import type { ApiRoutes } from '../http/api.ts'
import { departmentRoutes } from './department-routes.ts'
import { meRoutes } from './me-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { setupRoutes } from './setup-routes.ts'
import { staffRoutes } from './staff-routes.ts'
import { systemRoutes } from './system-routes.ts'

/** Who is calling: departments, their systems and staff, sessions, and the hub's setup mode. */
export const identityRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    await app.register(departmentRoutes(hub))
    await app.register(systemRoutes(hub))
    await app.register(staffRoutes(hub))
    await app.register(sessionRoutes(hub))
    await app.register(setupRoutes(hub))
    await app.register(meRoutes(hub))
  }
