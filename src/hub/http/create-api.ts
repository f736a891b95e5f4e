import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, {
  type FastifyError,
  type FastifySerializerCompiler,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { HttpConfig } from '../config.ts'
import { Refusal } from '../../shared/refusal.ts'
import { createLogger, type LogSettings } from './access-log.ts'
import { answerUnreadable } from './answer-problems.ts'
import type { Api } from './api.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { newRequestId } from './request-id.ts'
import { refuseNulInAddress, unstorableIn } from './unstorable.ts'
import { compileValidator } from './validation.ts'

/** Longest path parameter: a record's key may be made of several fields. */
const paramLengthMax = 2048

/** Time within which all headers must have come. */
const headersMsMax = 30_000
const keepAliveMs = 75_000

export interface ApiSettings {
  http: HttpConfig
  log: LogSettings
  compileSerializer?: FastifySerializerCompiler<unknown> | undefined
}

/** Answers are built by views of ours; the schemas describe them, and tests hold both equal. */
const plainJson: FastifySerializerCompiler<unknown> = () => (answer) => JSON.stringify(answer)

/** Fastify with the house's limits, validation and words; no routes, no hooks yet. */
export function createApi(settings: ApiSettings): Api {
  const { http, log, compileSerializer = plainJson } = settings
  const options: FastifyServerOptions = {
    loggerInstance: createLogger(log),
    // Lines name the request themselves: a logger for each request costs more than its line.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: newRequestId,
    bodyLimit: http.bodyBytesMax,
    // Off, since intake may take hours; `limitBodyTime` stands in for it.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    // Draining is answered by a hook of ours, as a problem.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    trustProxy: http.trustProxy.length > 0 ? http.trustProxy : false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: paramLengthMax },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error: FastifyError, request, reply) => {
      void answerUnreadable(error, request, reply)
    },
    ...(http.tls && { serverFactory: tlsServer(http.tls) }),
  }
  const app: Api = Fastify(options).withTypeProvider<TypeBoxTypeProvider>()
  app.server.headersTimeout = headersMsMax
  app.setValidatorCompiler(compileValidator)
  app.setSerializerCompiler(compileSerializer)
  parseJson(app)
  refuseNulInAddress(app)
  return app
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const tlsServer = (tls: { certificate: string; key: string }) => (handler: Handler) =>
  createTlsServer({ cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' }, handler)

const notUtf8 = (): Refusal =>
  new Refusal('request-invalid', '请求体不是 UTF-8 / The body is not UTF-8')

/**
 * JSON only, in UTF-8 (RFC 8259, section 8.1): what is not would be stored as other text than was sent. Whether
 * a body may be empty is for the route's schema to say, whatever its Content-Type.
 */
function parseJson(app: Api): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.decorateRequest('bodyText', null)
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, body, done) => {
      if (body.length === 0) return done(null, undefined)
      if (!isUtf8(body)) return done(notUtf8(), undefined)
      const text = body.toString()
      request.bodyText = text
      return parse(request, text, (error, value) => {
        done(error ?? unstorableIn(text, value), value)
      })
    },
  )
}
