import type { CallContext } from '../../../schemas/api/records.ts'
import type { ShareOperation } from '../../../schemas/api/sharing.ts'
import { Refusal } from '../../shared/refusal.ts'
import { digestMessage } from '../audit/message-digests.ts'
import { drawSalt } from '../audit/salts.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import { unknownResource } from '../catalog/faults.ts'
import type { ApiReply, ApiRequest } from '../http/api.ts'
import { auditCall, type CallFacts, refusalOutcome } from '../http/audit-call.ts'
import { toRefusal } from '../http/problem.ts'
import type { SystemCaller } from '../identity/caller.ts'
import type { Proof, Proven } from '../records/proof.ts'
import type { GrantFacts, Obligations } from './decide.ts'
import { deniedAs } from './denials.ts'
import type { Sharing } from './sharing.ts'

/** One call for records, as it came. */
export interface TakeOutCall {
  request: ApiRequest
  reply: ApiReply
  resource: string
  operation: ShareOperation
  /** The operation's name in the log: `records.query` is a `read`. */
  logged: string
  context: CallContext
  wanted?: readonly string[] | undefined
  probed?: readonly string[] | undefined
  /** What the log is told in any case: the keys as asked for. */
  facts?: Partial<CallFacts>
}

/** What the work of a permitted call is given. */
export interface Permit {
  served: ServedResource
  grant: GrantFacts
  obligations: Obligations
  proof: Proof
  /** What the log is told of the call also when it is refused; the work adds what it finds out. */
  facts: CallFacts
}

/** An answer that has not left yet: it waits for its audit entry. */
export interface Answer {
  outcome: 'allowed' | 'absent'
  /** As it is; or written a part at a time, where that takes long. */
  body: string | (() => Promise<Buffer>)
  /** `rowCount`: the records that it takes of the quota. */
  facts: Partial<CallFacts>
}

/** A proof that fails means that what was remembered is out of date; each time it is read anew. */
export const attemptsMax = 4

/**
 * decide → read with proof → log → answer, for every kind of call. The decision is proved by the
 * statement that reads; where it no longer holds, it is taken again. Whatever becomes of the call, it
 * has exactly one audit entry, durable before the answer leaves.
 */
export async function takeOut(
  sharing: Sharing,
  call: TakeOutCall,
  work: (permit: Permit) => Promise<Proven<Answer>>,
): Promise<void> {
  const { request, reply } = call
  const salt = drawSalt()
  reply.header('x-audit-salt', salt)
  const facts = startFacts(call, salt)
  try {
    const { answer, grant } = await answerProven(sharing, call, { facts, work })
    const body = await logAnswer(call, answer, { facts, salt }).catch((error: unknown) => {
      // What does not leave is not used.
      sharing.quotas.giveBack(grant, answer.facts.rowCount ?? 0)
      throw error
    })
    await reply.type(jsonType).send(body)
  } catch (error) {
    if (request.auditedOutcome === null) {
      const refusal = toRefusal(error)
      const { code } = refusal
      await auditCall(request, reply, { ...facts, outcome: refusalOutcome(refusal), code })
    }
    throw error
  }
}

/** Writes the body, and commits to it: what leaves afterwards is what the entry says. */
async function logAnswer(
  { request, reply }: TakeOutCall,
  { outcome, body, facts: found }: Answer,
  { facts, salt }: { facts: CallFacts; salt: string },
): Promise<string | Buffer> {
  const written = typeof body === 'string' ? body : await body()
  const responseDigest = digestMessage(salt, 'response', written)
  const entry = { ...facts, ...found, responseDigest, outcome }
  await auditCall(request, reply, entry)
  return written
}

const jsonType = 'application/json; charset=utf-8'

const startFacts = (
  { request, logged, resource, context, facts }: TakeOutCall,
  salt: string,
): CallFacts => ({
  operation: logged,
  outcome: 'allowed',
  resource,
  requestDigest: digestMessage(salt, 'request', request.bodyText ?? request.url),
  ...context,
  ...facts,
})

interface Attempt {
  /** Filled as the call proceeds, so that a refusal's entry says as much as is known. */
  facts: CallFacts
  work: (permit: Permit) => Promise<Proven<Answer>>
}

async function answerProven(
  sharing: Sharing,
  call: TakeOutCall,
  attempt: Attempt,
): Promise<{ answer: Answer; grant: GrantFacts }> {
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const permit = await demandPermit(sharing, call, attempt.facts)
    const proven = await attempt.work(permit)
    if (proven.held === 'all') return { answer: proven.found, grant: permit.grant }
    if (proven.held === 'no-system') await identifyAgain(sharing, call.request)
    else await sharing.grants.findNow(permit.proof.systemId, call.resource)
  }
  throw new Refusal('unavailable', '授权正在变更,请重试 / The grant is being changed; try again', {
    retryAfterSeconds: 1,
  })
}

async function demandPermit(
  sharing: Sharing,
  call: TakeOutCall,
  facts: CallFacts,
): Promise<Permit> {
  const { catalog, clock } = sharing.hub
  const served = await catalog.served(call.resource)
  if (!served || served.shareType === 'not-shared') throw unknownResource(call.resource)
  const system = demandSystem(call.request)
  const at = clock.now()
  Object.assign(facts, { resourceVersion: served.version, decidedAt: at })
  const verdict = await sharing.judge({
    subject: system.id,
    operation: call.operation,
    resource: served,
    context: { ...call.context, atMs: at.getTime(), wanted: call.wanted, probed: call.probed },
  })
  if (!verdict.permit) {
    if (verdict.grantIds.length > 0) facts.grantIds = verdict.grantIds
    throw deniedAs(verdict.code)
  }
  const { grant, obligations } = verdict
  Object.assign(facts, {
    grantIds: [grant.id],
    policyVersion: grant.version,
    fields: call.operation === 'verify' ? call.probed : obligations.columns,
  })
  const proof = {
    grantId: grant.id,
    grantVersion: grant.version,
    systemId: system.id,
    systemVersion: system.version,
  }
  return { served, grant, obligations, proof, facts }
}

function demandSystem({ caller }: ApiRequest): SystemCaller {
  if (caller?.kind === 'system') return caller
  throw new Refusal(
    'role-missing',
    '数据只向应用系统提供,请使用系统令牌 / Records are taken out by systems; use a system’s token',
  )
}

/** The system was changed since its token was read: rotated, disabled. The database says which. */
async function identifyAgain({ hub }: Sharing, request: ApiRequest): Promise<void> {
  hub.authenticator.clear()
  const token = /^Bearer +(\S{1,512})$/i.exec(request.headers.authorization ?? '')?.[1]
  const identified = token === undefined ? null : await hub.authenticator.identify(token)
  if (!identified) {
    throw new Refusal('credentials-invalid', '令牌已停用或更换 / The token is disabled or replaced')
  }
  request.identified = identified
  request.caller = identified.caller
}

/** Maps what was proven. */
export const whenProven = <T, U>(proven: Proven<T>, use: (found: T) => U): Proven<U> =>
  proven.held === 'all' ? { held: 'all', found: use(proven.found) } : proven
