import { setTimeout as delay } from 'node:timers/promises'
import type { HttpSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ConnectorContext } from '../contract.ts'
import { type HttpAnswer, type HttpRequest, lowerCased, openWire } from './exchange.ts'
import { openSignIn } from './sign-in.ts'

export type { HttpAnswer } from './exchange.ts'

const firstPauseMs = 250
const pauseMsMax = 30_000
/** A server that asks for more patience than this is asked again by the next run. */
const retryAfterMsMax = 120_000

export interface ClientRequest {
  /** Absent: that of the settings. */
  url?: string | undefined
  /** Absent: that of the settings, else GET, or POST where there is a body. */
  method?: string | undefined
  /** Beside those of the settings. */
  headers?: Readonly<Record<string, string>> | undefined
  body?: string | undefined
  signal?: AbortSignal | undefined
}

export interface HttpClient {
  request(request: ClientRequest): Promise<HttpAnswer>
  close(): Promise<void>
}

/**
 * Calls one interface. Signs in as the settings say; tries again, with growing pauses or as `Retry-After`
 * says, where trying again may help: 429, 502, 503, 504 and faults of the network. An answer of any other
 * status, or the last of these, is given to the caller. A network that stays away, or an answer that
 * breaks off, is `source-unreachable`. Headers of the settings and credentials go to the origin of
 * `settings.url` only, wherever pages and redirects lead. No message holds an address's query or a secret.
 */
export function openHttpClient(
  settings: HttpSettings,
  context: Pick<ConnectorContext, 'signal'>,
): HttpClient {
  const wire = openWire(settings)
  const attemptsMax = settings.retry?.attempts ?? 5
  const send = (request: HttpRequest): Promise<HttpAnswer> =>
    sendPatiently(request, { send: wire.send, attemptsMax })
  const signIn = openSignIn(settings.auth, send)
  const home = new URL(settings.url).origin
  const signed = async (request: HttpRequest): Promise<HttpRequest> => {
    if (new URL(request.url).origin !== home) return request
    const authorization = await signIn.authorization(request.signal)
    const headers = { ...lowerCased(settings.headers ?? {}), ...lowerCased(request.headers) }
    return { ...request, headers: authorization === null ? headers : { ...headers, authorization } }
  }
  return {
    async request({ url = settings.url, method, headers = {}, body, signal }) {
      const signals = [signal, context.signal].filter((one) => one !== undefined)
      const asked: HttpRequest = {
        url,
        method: method ?? settings.method ?? (body === undefined ? 'GET' : 'POST'),
        headers,
        body,
        signal: signals.length > 0 ? AbortSignal.any(signals) : undefined,
      }
      const answer = await send(await signed(asked))
      // A token may be withdrawn before its time: one new one is asked for.
      if (answer.status !== 401 || !signIn.forget()) return answer
      return send(await signed(asked))
    },
    close: async () => wire.close(),
  }
}

interface Patience {
  send(request: HttpRequest): Promise<HttpAnswer>
  attemptsMax: number
}

async function sendPatiently(
  request: HttpRequest,
  { send, attemptsMax }: Patience,
): Promise<HttpAnswer> {
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt >= attemptsMax
    let pauseMs = Math.min(pauseMsMax, firstPauseMs * 2 ** (attempt - 1))
    try {
      const answer = await send(request)
      if (![429, 502, 503, 504].includes(answer.status) || isLast) return answer
      const asked = retryAfterMs(answer.headers['retry-after'])
      if (asked !== null && asked > retryAfterMsMax) return answer
      pauseMs = asked ?? pauseMs
    } catch (error) {
      request.signal?.throwIfAborted()
      if (error instanceof Refusal) throw error
      if (isLast || !isPassing(error)) throw unreachable(request.url, error)
    }
    // Callers that failed together shall not come back together.
    await delay(pauseMs * (1 + Math.random() * 0.25), undefined, {
      ...(request.signal && { signal: request.signal }),
    })
  }
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function retryAfterMs(value: string | undefined): number | null {
  if (value === undefined) return null
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? null : Math.max(0, ms)
}

/** A certificate does not get better by trying again. */
const isPassing = (error: unknown): boolean => !/CERT|SIGNATURE|ALTNAME|EPROTO/.test(codeOf(error))

const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return ''
  return 'code' in error ? String(error.code) : error.name
}

const unreachable = (url: string, cause: unknown): Refusal => {
  const { host } = new URL(url)
  return new Refusal(
    'source-unreachable',
    `接口 ${host} 不可达或应答中断(${codeOf(cause)}) / The interface ${host} cannot be reached, or broke off (${codeOf(cause)})`,
    { cause },
  )
}
