import type { Application, ApplicationDraft } from '../../../schemas/api/sharing.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import { bypassOf } from '../catalog/bypass.ts'
import { conflict, fault, unknownResource } from '../catalog/faults.ts'
import type { Stores } from '../database/stores.ts'
import type { Hub } from '../hub.ts'
import type { Caller, StaffCaller } from '../identity/caller.ts'
import { demand, may } from '../identity/permissions.ts'
import { Refusal } from '../../shared/refusal.ts'
import { checkRequest } from './check-request.ts'

export interface Filed {
  application: Application
  isBypassed: boolean
}

/**
 * Files an application for one of the applicant's department's systems; a machine never applies for its
 * own rights. `not-found` where the applicant may not know of the resource, `state-conflict` where it is
 * known and not published.
 */
export async function fileApplication(
  hub: Hub,
  stores: Stores,
  { caller, draft }: { caller: Caller | null; draft: ApplicationDraft },
): Promise<Filed> {
  const { staff, consumer, isBypassed } = await demandApplicant(hub, stores, { caller, draft })
  const served = await demandShared(hub, caller, draft.resource)
  checkRequest(served.fields, draft, hub.clock.now())
  const application = await stores.applications.insert({
    resource: served.id,
    resource_version: served.version,
    share_type: served.shareType === 'unconditional' ? 'unconditional' : 'conditional',
    provider: served.provider,
    consumer,
    system: draft.system,
    request: draft,
    filed_by: staff.id,
  })
  return { application, isBypassed }
}

/** Files it anew with what was missing; only where a supplement was asked for, for the same system and resource. */
export async function resubmitApplication(
  hub: Hub,
  stores: Stores,
  { caller, draft, id }: { caller: Caller | null; draft: ApplicationDraft; id: string },
): Promise<Filed> {
  const row = await stores.applications.lock(id)
  const { isBypassed } = await demandApplicant(hub, stores, { caller, draft })
  if (row.system !== draft.system || row.resource !== draft.resource) {
    throw conflict('补正不得更换资源或应用系统 / A supplement keeps the resource and the system')
  }
  if (row.state !== 'supplement-required') {
    throw conflict(
      '只有待补正的申请可以重新提交 / Only an application to be supplemented is filed anew',
    )
  }
  const served = await demandShared(hub, caller, draft.resource)
  checkRequest(served.fields, draft, hub.clock.now())
  await stores.applications.resubmit(id, draft, served.version)
  return { application: await stores.applications.demand(id), isBypassed }
}

async function demandApplicant(
  { setup }: Hub,
  stores: Stores,
  { caller, draft }: { caller: Caller | null; draft: ApplicationDraft },
): Promise<{ staff: StaffCaller; consumer: string; isBypassed: boolean }> {
  if (caller?.kind !== 'staff') {
    throw new Refusal('role-missing', '共享申请由工作人员提交 / Applications are filed by staff')
  }
  const system = await stores.systems.find(draft.system)
  if (!system || system.state !== 'active') {
    const message = `没有在用的应用系统 ${draft.system} / There is no active system ${draft.system}`
    throw new Refusal('request-invalid', message, {
      errors: [fault('/system', 'system-unknown', message)],
    })
  }
  const consumer = system.department
  const isBypassed = !may(caller, 'applications.file', consumer) && (await bypassOf(setup))(caller)
  if (!isBypassed) demand(caller, 'applications.file', consumer)
  return { staff: caller, consumer, isBypassed }
}

export async function demandShared(
  { catalog, database }: Hub,
  caller: Caller | null,
  id: string,
): Promise<ServedResource> {
  const served = await catalog.served(id)
  if (served && served.shareType !== 'not-shared') return served
  const row = await database.resources.find(id)
  if (
    !row ||
    row.draft.share.type === 'not-shared' ||
    !may(caller, 'resources.see-drafts', row.provider)
  ) {
    throw unknownResource(id)
  }
  throw conflict(
    '资源尚未发布,不能申请共享 / The resource is not published and cannot be applied for',
  )
}
