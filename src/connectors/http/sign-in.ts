import type { HttpAuth } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { HttpAnswer, HttpRequest } from './exchange.ts'

/** A token is renewed so long before it ends; clocks differ. */
const renewBeforeMs = 30_000
/** Where the server does not say how long a token lives (RFC 6749 §5.1 leaves it open). */
const lifetimeSecondsDefault = 300

export interface SignIn {
  /** The value of `Authorization`; null where the interface wants none. */
  authorization(signal: AbortSignal | undefined): Promise<string | null>
  /** Forgets a token that was refused; false where another try would send the same again. */
  forget(): boolean
}

type Send = (request: HttpRequest) => Promise<HttpAnswer>

/** Bearer, basic, or OAuth 2.0 client credentials (RFC 6749 §4.4) with the token kept until it ends. */
export function openSignIn(auth: HttpAuth | undefined, send: Send): SignIn {
  if (auth?.kind !== 'oauth') {
    const value = auth === undefined ? null : fixedValue(auth)
    return { authorization: async () => value, forget: () => false }
  }
  let kept: { value: string; untilMs: number } | null = null
  return {
    async authorization(signal) {
      if (kept === null || Date.now() >= kept.untilMs) kept = await fetchToken(auth, send, signal)
      return kept.value
    },
    forget() {
      const had = kept !== null
      kept = null
      return had
    },
  }
}

const fixedValue = (auth: Exclude<HttpAuth, { kind: 'oauth' }>): string =>
  auth.kind === 'bearer'
    ? `Bearer ${auth.token}`
    : `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`

async function fetchToken(
  auth: Extract<HttpAuth, { kind: 'oauth' }>,
  send: Send,
  signal: AbortSignal | undefined,
): Promise<{ value: string; untilMs: number }> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (auth.scope !== undefined) form.set('scope', auth.scope)
  // Name and secret are form-encoded before they are joined (RFC 6749 §2.3.1).
  const pair = `${formEncoded(auth.clientId)}:${formEncoded(auth.clientSecret)}`
  const { status, text } = await send({
    url: auth.tokenUrl,
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
    },
    body: form.toString(),
    signal,
  })
  const answer = status === 200 ? readToken(text) : null
  if (answer === null) throw noToken(status)
  const lifetimeMs = (answer.expiresIn ?? lifetimeSecondsDefault) * 1000
  return {
    value: `Bearer ${answer.token}`,
    untilMs: Date.now() + lifetimeMs - Math.min(renewBeforeMs, lifetimeMs / 2),
  }
}

const formEncoded = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2)

function readToken(text: string): { token: string; expiresIn: number | null } | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('access_token' in value)) return null
    const { access_token: token } = value
    const expiresIn = 'expires_in' in value ? Number(value.expires_in) : Number.NaN
    if (typeof token !== 'string' || token === '') return null
    return { token, expiresIn: expiresIn > 0 ? expiresIn : null }
  } catch {
    return null
  }
}

/** What the token server said may repeat the secret: only its status is told. */
const noToken = (status: number): Refusal =>
  status >= 500 || status === 429
    ? new Refusal(
        'source-unreachable',
        `令牌接口暂不可用(${status}) / The token endpoint is not available (${status})`,
      )
    : new Refusal(
        'request-invalid',
        `令牌接口未发放令牌(${status}),请核对 clientId 与 clientSecret / The token endpoint gave no token (${status}); check clientId and clientSecret`,
      )
