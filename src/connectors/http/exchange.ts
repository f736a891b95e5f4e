import { request as plainRequest, Agent as PlainAgent } from 'node:http'
import { request as secureRequest, Agent as SecureAgent } from 'node:https'
import { createGunzip } from 'node:zlib'
import type { IncomingMessage } from 'node:http'
import type { HttpSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'

/** Bytes of one answer, expanded: a page of rows is held whole. */
export const answerBytesMax = 64 * 1024 * 1024
const redirectsMax = 5

export interface HttpRequest {
  url: string
  method: string
  headers: Readonly<Record<string, string>>
  body?: string | undefined
  signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  status: number
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>
  text: string
}

/** One request on the wire, with redirects followed. Errors of the network pass as they are. */
export interface HttpWire {
  send(request: HttpRequest): Promise<HttpAnswer>
  close(): void
}

/** Connections are kept and bound to this client: certificates and proxies of others do not matter. */
export function openWire({ tls, timeoutSeconds = 60 }: HttpSettings): HttpWire {
  const plain = new PlainAgent({ keepAlive: true })
  const secure = new SecureAgent({
    keepAlive: true,
    rejectUnauthorized: tls?.verify !== false,
    ...(tls?.ca !== undefined && { ca: tls.ca }),
  })
  const once = (request: HttpRequest): Promise<HttpAnswer> => {
    const url = new URL(request.url)
    const deadline = AbortSignal.timeout(timeoutSeconds * 1000)
    const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline
    const options = { method: request.method, headers: headersOf(request), signal }
    return new Promise((resolve, reject) => {
      const onAnswer = (answer: IncomingMessage): void => {
        readAnswer(answer).then(resolve, reject)
      }
      const call =
        url.protocol === 'https:'
          ? secureRequest(url, { ...options, agent: secure }, onAnswer)
          : plainRequest(url, { ...options, agent: plain }, onAnswer)
      call.once('error', reject)
      call.end(request.body)
    })
  }
  return {
    async send(request) {
      let next = request
      for (let count = 0; count <= redirectsMax; count++) {
        const answer = await once(next)
        const { location } = answer.headers
        if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) {
          return answer
        }
        next = redirected(next, answer.status, location)
      }
      throw tooManyRedirects()
    },
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}

const headersOf = ({ headers, body }: HttpRequest): Record<string, string | number> => ({
  accept: 'application/json',
  'accept-encoding': 'gzip',
  ...lowerCased(headers),
  ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
})

export const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** Where a redirect leads to another origin, only headers go along that say nothing about us. */
const harmlessHeaders = ['accept', 'accept-encoding', 'content-type']

/** Which methods a redirect keeps is RFC 9110 §15.4; a body never goes to another origin. */
function redirected(request: HttpRequest, status: number, location: string): HttpRequest {
  const from = new URL(request.url)
  if (!URL.canParse(location, from.href)) throw badRedirect()
  const to = new URL(location, from.href)
  if (to.protocol !== 'http:' && to.protocol !== 'https:') throw badRedirect()
  const isSameOrigin = to.origin === from.origin
  const keepsBody = status === 307 || status === 308
  if (request.body !== undefined && keepsBody && !isSameOrigin) throw badRedirect()
  const headers = Object.entries(lowerCased(request.headers)).filter(
    ([name]) => isSameOrigin || harmlessHeaders.includes(name),
  )
  const isBodyless = request.body === undefined || keepsBody
  return {
    ...request,
    url: to.href,
    headers: Object.fromEntries(headers),
    ...(!isBodyless && { method: 'GET', body: undefined }),
  }
}

async function readAnswer(answer: IncomingMessage): Promise<HttpAnswer> {
  const isPacked = answer.headers['content-encoding'] === 'gzip'
  const stream = isPacked ? answer.pipe(createGunzip()) : answer
  // What breaks the line breaks the unpacking too: a cut answer never looks whole.
  if (isPacked) answer.once('error', (error) => stream.destroy(error))
  const chunks: Uint8Array[] = []
  let byteCount = 0
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) continue
    byteCount += chunk.length
    if (byteCount > answerBytesMax) throw tooLarge()
    chunks.push(chunk)
  }
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { status: answer.statusCode ?? 0, headers, text: Buffer.concat(chunks).toString('utf8') }
}

const tooLarge = (): Refusal =>
  new Refusal(
    'payload-too-large',
    `接口应答超过 ${answerBytesMax} 字节,请减小每页行数 / The answer is larger than ${answerBytesMax} bytes; ask for smaller pages`,
  )

const tooManyRedirects = (): Refusal =>
  new Refusal(
    'state-conflict',
    `接口重定向超过 ${redirectsMax} 次 / The interface redirects more than ${redirectsMax} times`,
  )

const badRedirect = (): Refusal =>
  new Refusal(
    'state-conflict',
    '接口重定向到不可用的地址,请直接填写最终地址 / The interface redirects to where it may not be followed; give the final address',
  )
