import { type DestinationStream, type Logger, pino } from 'pino'
import { instantText } from '../../shared/instants.ts'
import type { Api } from './api.ts'

/** Names that never reach the log, whoever logs them. */
const redactedPaths = [
  'authorization',
  'cookie',
  'token',
  'password',
  'url',
  'query',
  'key',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`])

export interface LogSettings {
  level: string
  /** Where lines go; standard output when absent. */
  stream?: { write(line: string): void }
}

/**
 * How lines are written. Requests and errors go through serialisers of ours, so that no URL, query,
 * header or database value (which may be an identity number) can get into a line by accident.
 */
export const lineOptions = (level: string) => ({
  level,
  base: null,
  timestamp: () => `,"time":"${instantText(Date.now())}"`,
  formatters: { level: (label: string) => ({ level: label }) },
  redact: { paths: redactedPaths, censor: '…' },
  serializers: { req: () => ({}), res: () => ({}), err: describeError },
})

export const createLogger = ({ level, stream }: LogSettings): Logger =>
  stream ? pino(lineOptions(level), stream) : pino(lineOptions(level))

interface ErrorLine {
  type: string
  message: string
  stack: string
  code?: string
  cause?: ErrorLine
}

/** Name, code, words and place of an error; what PostgreSQL quotes in its words may be personal data. */
export function describeError(error: unknown): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error', stack: '' }
  const { code, cause } = error as Error & { code?: unknown }
  const line: ErrorLine = {
    type: error.name,
    message: withoutValues(error),
    stack: (error.stack ?? '')
      .split('\n')
      .filter((text) => /^\s+at /.test(text))
      .join('\n'),
  }
  if (typeof code === 'string') line.code = code
  if (cause instanceof Error) line.cause = describeError(cause)
  return line
}

/** Errors that come from the database carry a five-character state; class 22 and 23 quote the value. */
function withoutValues(error: Error): string {
  const { code } = error as Error & { code?: unknown }
  const isDataFault = typeof code === 'string' && /^2[23]\w{3}$/.test(code)
  const message = isDataFault ? error.message.replaceAll(/"[^"]*"|'[^']*'/g, '"…"') : error.message
  return message.replaceAll(/\b\d{6,}[\dXx]*\b/g, '…')
}

/**
 * One line a call: route pattern, never the URL, for that may hold a key. Through a logger without
 * redaction, which would cost more than all else here and finds nothing in these fields.
 */
export function useAccessLog(app: Api, log: LogSettings): void {
  const { redact: _redact, serializers: _serializers, ...options } = lineOptions(log.level)
  const lines = pino(options, log.stream ?? writeTogether(app))
  if (!lines.isLevelEnabled('info')) return
  app.addHook('onResponse', (request, reply, done) => {
    lines.info(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? 'unknown',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        caller: request.caller?.id,
        traceId: request.traceId ?? undefined,
      },
      'call',
    )
    done()
  })
}

/**
 * Standard output, with one write for all lines of a turn of the event loop: under load a write for each
 * would cost more than the line. Nothing stays behind when the hub closes or the process exits.
 */
function writeTogether(app: Api): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true })
  let waiting = ''
  const flush = (): void => {
    const text = waiting
    waiting = ''
    if (text !== '') output.write(text)
  }
  process.once('exit', flush)
  app.addHook('onClose', () => {
    process.off('exit', flush)
    flush()
  })
  return {
    write: (line) => {
      if (waiting === '') setImmediate(flush)
      waiting += line
    },
  }
}
