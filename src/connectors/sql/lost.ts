import { Refusal } from '../../shared/refusal.ts'

/** What Node says when there is no connection, or no longer one. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
])

export const codeOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

export const isNetworkError = (error: unknown): boolean => networkCodes.has(codeOf(error))

/** A store that is not there, or went away: the run is queued again, and no row is blamed. */
export const lostConnection = (cause: unknown): Refusal =>
  new Refusal(
    'source-unreachable',
    `数据源连接不上或中途断开${shown(cause)},稍后会重试 / The source cannot be reached, or was lost half-way${shown(cause)}; it is tried again later`,
    { cause },
  )

/**
 * What the store itself refuses: somebody has to put something right there. Its own message may quote
 * values of people, so only its code is shown; the message stays with the cause.
 */
export const refusedByStore = (cause: unknown, advice: string): Refusal =>
  new Refusal('state-conflict', `${advice}${shown(cause)}`, { cause })

const shown = (cause: unknown): string => {
  const code = codeOf(cause)
  return code === '' ? '' : ` (${code})`
}
