import helmet from '@fastify/helmet'
import type { HttpConfig } from '../config.ts'
import type { Api } from './api.ts'

/**
 * Headers for browsers that come across an answer of the API: it is no page, frames nothing, is kept by
 * no cache (answers hold personal data). Pages set a policy of their own.
 */
export async function useSafeHeaders(app: Api, http: HttpConfig): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // Only where TLS ends here; behind a proxy that is the proxy's to say.
    strictTransportSecurity: http.tls ? { maxAge: 15_552_000, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' },
    // Of use to browsers of long ago only; each costs bytes on every answer.
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.url?.startsWith('/v1/')) reply.header('cache-control', 'no-store')
    done()
  })
}
