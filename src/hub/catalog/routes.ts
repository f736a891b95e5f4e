import type { Hub } from '../hub.ts'
import type { ApiRoutes } from '../http/api.ts'
import { mountRoutes } from './mount-routes.ts'
import { resourceRoutes } from './resource-routes.ts'
import { standardRoutes } from './standard-routes.ts'
import { transitionRoutes } from './transition-routes.ts'

/** The resource catalog: drafting, reviewing, publishing, mounting; standards and code tables. */
export const catalogRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    await app.register(resourceRoutes(hub))
    await app.register(transitionRoutes(hub))
    await app.register(mountRoutes(hub))
    await app.register(standardRoutes())
    app.addHook('onReady', async () => hub.catalog.indexes.begin())
    app.addHook('onClose', () => hub.catalog.indexes.close())
  }
