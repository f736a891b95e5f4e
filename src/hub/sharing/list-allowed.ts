import type { Allowance } from '../../../schemas/api/sharing.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Caller } from '../identity/caller.ts'
import { grantsPersonal } from './decide.ts'
import { type GrantRow, toFacts, toGrant } from './grant-rows.ts'
import type { Sharing } from './sharing.ts'

/** The grants that a system may use now: active, in time, of a resource that is served. Read fresh. */
export async function listAllowed(sharing: Sharing, caller: Caller | null): Promise<Allowance[]> {
  if (caller?.kind !== 'system') {
    throw new Refusal('role-missing', '此调用供应用系统使用 / This call is for systems')
  }
  const { rows } = await sharing.hub.database.pool.query<GrantRow>({
    name: 'allowed-grants',
    text: `select * from hub.grants where system = $1 and state = 'active'
      and valid_from <= now() and valid_until > now() order by resource, id`,
    values: [caller.id],
  })
  const allowances: Allowance[] = []
  for (const row of rows) {
    const allowance = await toAllowance(sharing, row)
    if (allowance) allowances.push(allowance)
  }
  return allowances
}

async function toAllowance({ hub, quotas }: Sharing, row: GrantRow): Promise<Allowance | null> {
  const served = await hub.catalog.served(row.resource)
  if (!served || served.shareType === 'not-shared') return null
  const grant = toGrant(row)
  return {
    resource: grant.resource,
    title: served.title,
    grant: grant.id,
    operations: grant.operations,
    fields: grant.fields,
    masks: grant.masks,
    rows: grant.rows,
    purposes: grant.purposes,
    operatorRequired: grantsPersonal(toFacts(row), served.fields),
    caseNumberRequired: grant.caseNumberRequired,
    unflaggedOnly: grant.unflaggedOnly,
    validFrom: grant.validFrom,
    validUntil: grant.validUntil,
    dailyQuota: grant.dailyQuota,
    quotaLeft: await quotas.left(grant),
  }
}
