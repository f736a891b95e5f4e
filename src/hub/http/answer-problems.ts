import { problems } from '../../../schemas/api/problems.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Api, ApiReply, ApiRequest } from './api.ts'
import { auditRefusal } from './audit-call.ts'
import { problemBody, problemMediaType, retryAfterSeconds, toRefusal } from './problem.ts'

/** Every refusal and every fault leaves the hub here, as `application/problem+json`, logged first. */
export function useProblems(app: Api): void {
  app.setErrorHandler(async (error, request, reply) => {
    const refusal = await loggedRefusal(toRefusal(error), request, reply)
    if (problems[refusal.code].status >= 500) logFault(request, error, refusal)
    return sendProblem(reply, refusal)
  })
  app.setNotFoundHandler(() => {
    throw new Refusal('not-found', '没有这个地址或方法 / There is no such address or method')
  })
}

/**
 * A call whose address cannot be read comes by no hook: nobody has asked who is calling. It is answered and
 * logged like one without a caller.
 */
export async function answerUnreadable(
  error: unknown,
  request: ApiRequest,
  reply: ApiReply,
): Promise<void> {
  Object.assign(request, {
    requestedAt: new Date(),
    caller: null,
    traceId: null,
    auditedOutcome: null,
  })
  sendProblem(reply, await loggedRefusal(toRefusal(error), request, reply))
}

/** An answer never leaves unlogged: where the log cannot be written, the caller is told only that. */
async function loggedRefusal(
  refusal: Refusal,
  request: ApiRequest,
  reply: ApiReply,
): Promise<Refusal> {
  try {
    await auditRefusal(request, reply, refusal)
    return refusal
  } catch (error) {
    request.log.error({ err: error, requestId: request.id }, 'the audit log cannot be written')
    const detail =
      '审计日志暂不可写,请稍后重试 / The audit log cannot be written; try again shortly'
    return new Refusal('unavailable', detail, { retryAfterSeconds: 5, cause: error })
  }
}

function logFault(request: ApiRequest, error: unknown, refusal: Refusal): void {
  const route = request.routeOptions.url ?? 'unknown'
  const cause = refusal.cause ?? error
  request.log.error({ err: cause, requestId: request.id, route, code: refusal.code }, 'call failed')
}

export function sendProblem(reply: ApiReply, refusal: Refusal): ApiReply {
  const body = problemBody(refusal, reply.request.id)
  const seconds = retryAfterSeconds(refusal)
  if (seconds !== undefined) reply.header('retry-after', String(seconds))
  if (refusal.code === 'credentials-invalid') reply.header('www-authenticate', 'Bearer')
  return reply.code(body.status).type(problemMediaType).send(JSON.stringify(body))
}
