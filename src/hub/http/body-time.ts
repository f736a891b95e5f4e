import type { IncomingMessage } from 'node:http'
import type { Api } from './api.ts'

export interface BodyTimes {
  /** An ordinary body is at most a megabyte: longer than this only someone takes who holds a line open. */
  bodyMsMax: number
  /** A streamed body may pause, but not for longer than this while the hub waits for it. */
  silenceMsMax: number
  lookEveryMs: number
}

const bodyTimes: BodyTimes = { bodyMsMax: 60_000, silenceMsMax: 60_000, lookEveryMs: 5000 }

/**
 * Cuts callers who send a body too slowly. Node's own `requestTimeout` counts the whole request, which a
 * long load cannot keep; so ordinary bodies have a time limit of their own and streamed ones are only
 * asked to get on.
 */
export function limitBodyTime(app: Api, times: BodyTimes = bodyTimes): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const { raw } = request
    const { headers } = raw
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
      if (request.routeOptions.config?.streaming) watchProgress(raw, times)
      else cutAfter(raw, times.bodyMsMax)
    }
    done(null, payload)
  })
}

function cutAfter(raw: IncomingMessage, ms: number): void {
  if (raw.complete) return
  const timer = setTimeout(() => raw.destroy(), ms)
  timer.unref()
  raw.once('end', () => clearTimeout(timer))
  raw.once('close', () => clearTimeout(timer))
}

/** Bytes that wait to be read are the hub's own slowness, not the caller's silence. */
function watchProgress(raw: IncomingMessage, { silenceMsMax, lookEveryMs }: BodyTimes): void {
  let bytesSeen = raw.socket.bytesRead
  let silentMs = 0
  const timer = setInterval(() => {
    const { bytesRead } = raw.socket
    const isWaiting = raw.readableLength === 0 && bytesRead === bytesSeen && !raw.complete
    silentMs = isWaiting ? silentMs + lookEveryMs : 0
    bytesSeen = bytesRead
    if (silentMs >= silenceMsMax) raw.destroy()
  }, lookEveryMs)
  timer.unref()
  raw.once('end', () => clearInterval(timer))
  raw.once('close', () => clearInterval(timer))
}
