import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import Fastify from 'fastify'
import type { HttpConfig } from '../config.ts'
import type { Api } from './api.ts'

const helmetOptions = (http: HttpConfig): FastifyHelmetOptions => ({
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

/**
 * Headers for browsers that come across an answer of the API: it is no page, frames nothing, is kept by
 * no cache (answers hold personal data). Pages set a policy of their own.
 */
export async function useSafeHeaders(app: Api, http: HttpConfig): Promise<void> {
  const ofAll = await helmetHeaders(http)
  const ofApi = { ...ofAll, 'cache-control': 'no-store' }
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(request.routeOptions.url?.startsWith('/v1/') ? ofApi : ofAll)
    done()
  })
}

const unpolicied = new Set(['content-length', 'content-type', 'connection', 'date', 'keep-alive'])

/** They are the same for every answer, so they are made once: anew for each they cost as much as a look-up. */
async function helmetHeaders(http: HttpConfig): Promise<Record<string, string>> {
  const sample = Fastify()
  await sample.register(helmet, helmetOptions(http))
  sample.get('/', (_request, reply) => reply.send(''))
  const { headers } = await sample.inject('/')
  await sample.close()
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      unpolicied.has(name) || value === undefined ? [] : [[name, String(value)]],
    ),
  )
}
