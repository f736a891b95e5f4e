import { Refusal } from '../../shared/refusal.ts'
import type { Authenticator, Identified } from '../identity/authenticate.ts'
import type { Api, ApiRequest } from './api.ts'
import { readTraceId } from './request-id.ts'
import { tokenBuckets } from './token-buckets.ts'

export const sessionCookie = 'shuqiao_session'

export interface AuthenticationParts {
  authenticator: Authenticator
  /** Calls per second and token; 0 is no limit. */
  callsPerSecond: number
  /** Calls per second and address without a valid token; 0 is no limit. */
  anonymousCallsPerSecond: number
  now: () => Date
  nowMs: () => number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The valid token of this call, by digest; null for anonymous calls. */
    identified: Identified | null
  }
}

/** First of all hooks: when the call came in, and what the areas may read of it. */
export function receiveCalls(
  app: Api,
  { now, nowMs }: Pick<AuthenticationParts, 'now' | 'nowMs'>,
): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('identified', null)
  app.decorateRequest('traceId', null)
  app.decorateRequest('signedInByCookie', false)
  app.decorateRequest('requestedAtMs', 0)
  app.decorateRequest('requestedAt')
  app.addHook('onRequest', (request, _reply, done) => {
    request.requestedAt = now()
    request.requestedAtMs = nowMs()
    const { traceparent } = request.headers
    if (traceparent !== undefined) request.traceId = readTraceId(traceparent)
    done()
  })
}

/**
 * Says who is calling, before any body is read. Whether a token is valid is decided before any limit is
 * applied: calls with a valid one count against that token alone, all others against their address, so
 * that a flood without a token never slows a valid one at the same address.
 */
export function useAuthentication(app: Api, parts: AuthenticationParts): void {
  const { authenticator, nowMs } = parts
  const byToken = tokenBuckets({ perSecond: parts.callsPerSecond }, nowMs)
  const byAddress = tokenBuckets({ perSecond: parts.anonymousCallsPerSecond }, nowMs)

  const admit = (request: ApiRequest, identified: Identified | null, hasToken: boolean): void => {
    const { config } = request.routeOptions
    if (identified && !(request.signedInByCookie && isForeign(request))) {
      request.identified = identified
      request.caller = identified.caller
      if (!config?.rateExempt) refuseExcess(byToken.take(identified.digest))
      return
    }
    if (config?.alwaysAnswered) return
    refuseExcess(byAddress.take(request.ip))
    if (config?.anonymous || request.is404) return
    throw refuseCredentials(request, hasToken)
  }

  // Without a promise of its own where the token is remembered, as it is for nearly all calls.
  app.addHook('onRequest', (request, _reply, done) => {
    const token = readToken(request)
    const found = token === null ? null : authenticator.identify(token)
    const settle = (identified: Identified | null): void =>
      done(faultOf(() => admit(request, identified, token !== null)))
    const fail = (error: unknown): void => done(asError(error))
    if (found instanceof Promise) void found.then(settle, fail)
    else settle(found)
  })
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error))

/** What a check throws, as hooks with a callback hand it on. */
function faultOf(check: () => void): Error | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    return asError(error)
  }
}

/** The bearer token, else the console's cookie. */
function readToken(request: ApiRequest): string | null {
  const { authorization, cookie } = request.headers
  if (authorization !== undefined) {
    return /^Bearer +(\S{1,512})$/i.exec(authorization)?.[1] ?? ''
  }
  if (cookie === undefined) return null
  const token = readCookie(cookie, sessionCookie)
  request.signedInByCookie = token !== null
  return token
}

/** Value of one cookie (RFC 6265, 4.2.1). */
export function readCookie(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const [key, value] = pair.split('=', 2)
    if (key?.trim() === name && value) return value.trim()
  }
  return null
}

/**
 * Whether a page of another origin may have made the browser send the cookie along. SameSite=Strict
 * keeps other sites out, but another port or sub-domain is the same site; so whatever changes something
 * must say that it comes from this very origin (Fetch Metadata, else RFC 6454).
 */
function isForeign(request: ApiRequest): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return false
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin'
  return origin !== `${request.protocol}://${request.host}`
}

function refuseExcess(seconds: number): void {
  if (seconds === 0) return
  throw new Refusal('rate-limited', undefined, { retryAfterSeconds: seconds })
}

function refuseCredentials(request: ApiRequest, hasToken: boolean): Refusal {
  if (request.signedInByCookie) {
    return new Refusal(
      'credentials-invalid',
      '登录已失效,或请求并非来自本站页面 / The session has ended, or the call does not come from a page of this site',
    )
  }
  return new Refusal(
    'credentials-invalid',
    hasToken
      ? '令牌无效、已过期或已停用 / The token is unknown, expired or disabled'
      : '请在 Authorization: Bearer 中提供令牌 / Send a token in Authorization: Bearer',
  )
}
