import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyPluginOptions,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { AuditOutcome } from '../audit/facts.ts'
import type { Caller } from '../identity/caller.ts'

/** The Fastify instance that every area's routes are written against: types follow from TypeBox schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** What an area's `routes.ts` gives to `app.register`. */
export type ApiRoutes = FastifyPluginAsync<
  FastifyPluginOptions,
  RawServerDefault,
  TypeBoxTypeProvider
>

export type ApiRequest = FastifyRequest
export type ApiReply = FastifyReply

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling: set by the authentication hook before any handler; anonymous calls have null. */
    caller: Caller | null
    /** When the request came in, for the audit entry. */
    requestedAt: Date
    /** The same on a clock that never goes back, in milliseconds. */
    requestedAtMs: number
    /** Trace id of the caller's `traceparent` (W3C Trace Context), when it sent a proper one. */
    traceId: string | null
    /** Outcome of the audit entry that this call already has. */
    auditedOutcome: AuditOutcome | null
    /** The JSON body as it came; null where there was none, or where the handler reads it as a stream. */
    bodyText: string | null
    /** Whether the token came in the console's cookie, which a foreign page can make a browser send. */
    signedInByCookie: boolean
  }
  interface FastifyContextConfig {
    /** Routes are closed to callers without a valid token unless they say so. */
    anonymous?: boolean
    /** Calls with a valid token are not counted against its limit (intake of batches). */
    rateExempt?: boolean
    /**
     * The body is read by the handler as it comes and may take hours: no time limit for the whole, but
     * the connection is closed when the handler waits and nothing comes any more.
     */
    streaming?: boolean
    /** Answered while the hub is stopping or full: health and metrics. */
    alwaysAnswered?: boolean
  }
}
