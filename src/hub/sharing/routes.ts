import type { Hub } from '../hub.ts'
import type { ApiRoutes } from '../http/api.ts'
import { applicationRoutes } from './application-routes.ts'
import { grantRoutes } from './grant-routes.ts'
import { recordRoutes } from './record-routes.ts'
import { openSharing } from './sharing.ts'

/** Sharing: applications, grants, and the records that are taken out under them. */
export const sharingRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    const sharing = openSharing(hub)
    await app.register(applicationRoutes(sharing))
    await app.register(grantRoutes(sharing))
    await app.register(recordRoutes(sharing))
  }
