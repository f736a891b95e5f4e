import { Refusal } from '../../shared/refusal.ts'
import type { ApiReply, ApiRequest, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { serveLate } from '../http/inner-app.ts'
import type { Hub } from '../hub.ts'
import { demand } from '../identity/permissions.ts'

/** The page's own style is inline; everything else comes from this server, and from nowhere else. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"

/**
 * The job board (任务看板), for those who run the hub: what waits, what is worked off, by the ids of the runs
 * alone. Read-only unless the settings say otherwise; runs are cancelled and retried through the API. Its
 * libraries are loaded when it is first opened: few ever do, and every hub would hold them in memory.
 */
export const boardRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    app.addHook('onRequest', async (request, reply) => {
      reply.header('content-security-policy', pagePolicy)
      await admit(request, reply)
    })
    serveLate(app, async () => (await import('./board.ts')).board(hub))
  }

/** Refusals outside `/v1` are not put on record by themselves. */
async function admit(request: ApiRequest, reply: ApiReply): Promise<void> {
  try {
    demand(request.caller, 'queue.see', null)
  } catch (error) {
    if (error instanceof Refusal) {
      const facts = { operation: 'queue.see', outcome: 'denied', code: error.code } as const
      await auditCall(request, reply, facts)
    }
    throw error
  }
}
