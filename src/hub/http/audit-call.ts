import type { AuditFacts, AuditLog, AuditOutcome, AuditReceipt } from '../audit/facts.ts'
import type { Caller } from '../identity/caller.ts'
import type { Refusal } from '../../shared/refusal.ts'
import { problems } from '../../../schemas/api/problems.ts'
import type { Api, ApiReply, ApiRequest } from './api.ts'

/** What a handler says of its call; who, when and from where are added here. */
export type CallFacts = Omit<AuditFacts, 'requestId' | 'requestedAt'>

/** The log as the HTTP layer uses it: entries of anonymous callers may be folded into counted ones. */
export interface CallLog extends AuditLog {
  /** Counts the call, to be written with others of its address: then there is no receipt yet. */
  appendAnonymous?: (facts: AuditFacts) => Promise<AuditReceipt | null>
  gauges?: () => { waiting: number; oldestWaitingMs: number }
}

declare module 'fastify' {
  interface FastifyInstance {
    auditLog: CallLog
  }
}

export function useAuditLog(app: Api, auditLog: CallLog): void {
  app.decorate('auditLog', auditLog)
  app.decorateRequest('auditedOutcome', null)
}

/**
 * The one way to log a call: appends the entry, waits until it is durable, and puts the receipt on the
 * reply (`X-Audit-Id`, `X-Audit-Leaf`). Handlers of records and of changes call it before they answer
 * (changes inside their transaction, so that nothing is changed unlogged). What is thrown afterwards or
 * instead is logged by the problem handler through `auditRefusal`. Rejects with `unavailable`.
 */
export async function auditCall(
  request: ApiRequest,
  reply: ApiReply,
  facts: CallFacts,
): Promise<AuditReceipt> {
  const receipt = await request.server.auditLog.append(fullFacts(request, facts))
  request.auditedOutcome = facts.outcome
  putReceipt(reply, receipt)
  return receipt
}

/** What follows from the request itself, then the handler's facts. */
export function fullFacts(request: ApiRequest, facts: CallFacts): AuditFacts {
  const { id, requestedAt, ip, caller, traceId } = request
  const common = { requestId: id, requestedAt, address: ip, ...callerFacts(caller) }
  return traceId === null ? { ...common, ...facts } : { ...common, traceId, ...facts }
}

function callerFacts(caller: Caller | null): Partial<AuditFacts> {
  if (!caller) return {}
  const department = caller.department === null ? {} : { department: caller.department }
  return { [caller.kind]: caller.id, ...department }
}

function putReceipt(reply: ApiReply, receipt: AuditReceipt): void {
  reply.header('x-audit-id', receipt.id)
  reply.header('x-audit-leaf', receipt.leaf)
}

/** How a refusal is filed: who was turned away, what was not there, what went wrong. */
export function refusalOutcome(refusal: Refusal): AuditOutcome {
  const { status } = problems[refusal.code]
  if (status === 401 || status === 403 || status === 429) return 'denied'
  return status === 404 ? 'absent' : 'failed'
}

/**
 * Logs a refused call of `/v1`, unless its handler has logged the refusal itself. A call that was logged
 * as allowed and failed afterwards gets a second entry that says so. Callers without a valid token are
 * folded, so that a flood of them cannot fill the log (`appendAnonymous`).
 */
export async function auditRefusal(
  request: ApiRequest,
  reply: ApiReply,
  refusal: Refusal,
): Promise<void> {
  if (!isAudited(request)) return
  if (request.auditedOutcome !== null && request.auditedOutcome !== 'allowed') return
  const outcome = refusalOutcome(refusal)
  const facts = fullFacts(request, { operation: operationOf(request), outcome, code: refusal.code })
  const { auditLog } = request.server
  if (request.caller === null && auditLog.appendAnonymous) {
    const receipt = await auditLog.appendAnonymous(facts)
    if (receipt) putReceipt(reply, receipt)
  } else {
    putReceipt(reply, await auditLog.append(facts))
  }
  request.auditedOutcome = outcome
}

function isAudited(request: ApiRequest): boolean {
  const pattern = request.routeOptions.url
  // A URL that no route matches is looked at only as far as the prefix: the rest could hold a key.
  return pattern === undefined ? request.url.startsWith('/v1/') : pattern.startsWith('/v1/')
}

/** The operationId of the route: `readRecord`, `createSystem`; a word of its own where none matched. */
function operationOf(request: ApiRequest): string {
  return request.routeOptions.schema?.operationId ?? 'unknownRoute'
}
