import type { DeliveryContext } from '../../../schemas/api/syncs.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { AuditFacts } from '../audit/facts.ts'
import { unknownResource } from '../catalog/faults.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import { refusalOutcome } from '../http/audit-call.ts'
import { toRefusal } from '../http/problem.ts'
import type { Proof } from '../records/proof.ts'
import type { GrantFacts, Obligations } from '../sharing/decide.ts'
import { deniedAs } from '../sharing/denials.ts'
import type { Sharing } from '../sharing/sharing.ts'
import type { ClaimedRun } from '../syncs/run-work.ts'

/** What a batch may carry, decided for this batch alone. */
export interface DeliveryPermit {
  served: ServedResource
  grant: GrantFacts
  obligations: Obligations
  proof: Proof
  /** What the log is told of the batch in any case. */
  facts: AuditFacts
}

interface Recipient {
  system: string
  version: number
  state: 'active' | 'disabled'
  department: string
}

/**
 * Decides whether a delivery may go on now: under its own grant and no other that its system holds, for
 * what the sync says it is for. A refusal is in the log before it is thrown: the grant's code, `not-found`
 * for a resource that is no longer served, `credentials-invalid` for a system that is disabled.
 */
export async function demandPermit(
  sharing: Sharing,
  { run, sync }: Pick<ClaimedRun, 'run' | 'sync'>,
): Promise<DeliveryPermit> {
  const at = sharing.hub.clock.now()
  const facts: AuditFacts = {
    operation: 'records.deliver',
    outcome: 'allowed',
    requestId: run.id,
    requestedAt: at,
    resource: sync.resource,
    runId: run.id,
    note: { delivery: sync.id },
    ...saidBy(sync.context),
  }
  try {
    return await decideNow(sharing, { grantId: sync.grantId ?? '', context: sync.context }, facts)
  } catch (error) {
    const refusal = toRefusal(error)
    const outcome = refusalOutcome(refusal)
    await sharing.hub.auditLog.append({ ...facts, outcome, code: refusal.code })
    throw error
  }
}

/** `facts` are filled as far as is known, so that a denial's entry says it too. */
async function decideNow(
  sharing: Sharing,
  { grantId, context }: { grantId: string; context: DeliveryContext },
  facts: AuditFacts,
): Promise<DeliveryPermit> {
  const served = await sharing.hub.catalog.served(facts.resource ?? '')
  if (!served || served.shareType === 'not-shared') throw unknownResource(facts.resource ?? '')
  const recipient = await findRecipient(sharing, grantId)
  const { system, version, department } = recipient
  const decidedAt = sharing.hub.clock.now()
  Object.assign(facts, { resourceVersion: served.version, system, department, decidedAt })
  if (recipient.state !== 'active') throw systemDisabled()
  const verdict = await sharing.judge({
    subject: system,
    operation: 'deliver',
    resource: served,
    demanded: grantId,
    context: { ...context, atMs: decidedAt.getTime() },
  })
  if (!verdict.permit) {
    if (verdict.grantIds.length > 0) facts.grantIds = verdict.grantIds
    throw deniedAs(verdict.code)
  }
  const { grant, obligations } = verdict
  Object.assign(facts, {
    grantIds: [grant.id],
    policyVersion: grant.version,
    fields: obligations.columns,
  })
  const proof = {
    grantId: grant.id,
    grantVersion: grant.version,
    systemId: system,
    systemVersion: version,
  }
  return { served, grant, obligations, proof, facts }
}

async function findRecipient({ hub }: Sharing, grantId: string): Promise<Recipient> {
  const { rows } = await hub.database.pool.query<Recipient>(
    `select s.id as system, s.version, s.state, s.department
     from hub.grants g join hub.systems s on s.id = g.system where g.id = $1`,
    [grantId],
  )
  if (!rows[0]) throw deniedAs('grant-missing')
  return rows[0]
}

const systemDisabled = (): Refusal =>
  new Refusal('credentials-invalid', '接收系统已停用 / The receiving system is disabled')

const saidBy = ({ purpose, operator, caseNumber }: DeliveryContext): Partial<AuditFacts> => ({
  ...(purpose !== undefined && { purpose }),
  ...(operator !== undefined && { operator }),
  ...(caseNumber !== undefined && { caseNumber }),
})
