import { type ProblemCode, problems } from '../../../schemas/api/problems.ts'
import { Refusal } from '../../shared/refusal.ts'
import { errorCode } from '../error-code.ts'
import { isDatabaseOutage } from './outage.ts'

/** Body of a refused call (RFC 9457). */
export interface ProblemBody {
  type: string
  title: string
  status: number
  detail: string
  instance: string
  code: ProblemCode
  errors?: readonly { pointer: string; code: string; message: string }[]
  [extension: string]: unknown
}

export const problemMediaType = 'application/problem+json'

/** At most so many faults of one body are reported. */
export const reportedFaultsMax = 50

/** Fastify's own refusals that are more than a bad request, by its error code. */
const frameworkCodes: Record<string, ProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type-unsupported',
  FST_ERR_CTP_INVALID_CONTENT_TYPE: 'media-type-unsupported',
  FST_ERR_NOT_FOUND: 'not-found',
}

/** What the caller can do about Fastify's own refusals; its English messages are for developers. */
const frameworkDetails: Record<string, string> = {
  FST_ERR_CTP_INVALID_JSON_BODY: '请求体不是有效的 JSON / The body is not valid JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH:
    '请求体长度与 Content-Length 不符 / The body does not have the length that Content-Length says',
  FST_ERR_CTP_BODY_TOO_LARGE: '请求体超过长度上限 / The body is longer than allowed',
  FST_ERR_CTP_INVALID_MEDIA_TYPE:
    '不支持此 Content-Type,请改用 application/json / This Content-Type is not supported; use application/json',
  FST_ERR_BAD_URL: '地址编码有误 / The URL is malformed',
}

/**
 * Every thrown thing as a refusal: our own as it stands, Fastify's 4xx by its kind, an unreachable
 * database as `unavailable`, anything else as `internal`, whose message stays in the log.
 */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (isDatabaseOutage(error)) {
    const detail = '数据库暂时不可用,请稍后重试 / The database cannot be reached; try again shortly'
    return new Refusal('unavailable', detail, { retryAfterSeconds: 5, cause: error })
  }
  const { statusCode, code } = frameworkFault(error)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Refusal(frameworkCode(code, statusCode), frameworkDetails[code], { cause: error })
  }
  const detail =
    '内部错误,请凭 instance 联系数据局 / Internal error; give the instance to the data bureau'
  return new Refusal('internal', detail, { cause: error })
}

/** What Fastify says of its own refusals. */
function frameworkFault(error: unknown): { statusCode: number | undefined; code: string } {
  const has = typeof error === 'object' && error !== null && 'statusCode' in error
  const statusCode = has && typeof error.statusCode === 'number' ? error.statusCode : undefined
  return { statusCode, code: errorCode(error) ?? '' }
}

function frameworkCode(code: string, statusCode: number): ProblemCode {
  const known = frameworkCodes[code]
  if (known) return known
  const byStatus: Record<number, ProblemCode> = {
    404: 'not-found',
    413: 'payload-too-large',
    415: 'media-type-unsupported',
    429: 'rate-limited',
  }
  return byStatus[statusCode] ?? 'request-invalid'
}

/** The body of a refusal, for the call with this request id. */
export function problemBody(refusal: Refusal, requestId: string): ProblemBody {
  const { title, status } = problems[refusal.code]
  const body: ProblemBody = {
    type: `/problems/${refusal.code}`,
    title,
    status,
    detail: refusal.message,
    instance: `urn:uuid:${requestId}`,
    code: refusal.code,
  }
  if (refusal.errors.length > 0) body.errors = refusal.errors.slice(0, reportedFaultsMax)
  return body
}

/** Seconds for `Retry-After`, where waiting helps. */
export function retryAfterSeconds(refusal: Refusal): number | undefined {
  if (refusal.retryAfterSeconds !== undefined)
    return Math.max(1, Math.ceil(refusal.retryAfterSeconds))
  if (refusal.code === 'unavailable') return 5
  if (refusal.code === 'rate-limited') return 1
  return undefined
}
