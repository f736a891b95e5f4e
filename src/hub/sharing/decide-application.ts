import type { Knex } from 'knex'
import {
  type DecisionBody,
  decisionTable,
  type Grant,
  type Masks,
  type Rows,
} from '../../../schemas/api/sharing.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import { bypassOf } from '../catalog/bypass.ts'
import { conflict, fault, refuseFaults } from '../catalog/faults.ts'
import { lockRecords } from '../catalog/publish-resource.ts'
import type { Hub } from '../hub.ts'
import type { Stores } from '../database/stores.ts'
import type { Caller, StaffCaller } from '../identity/caller.ts'
import { demand, may, type Step } from '../identity/permissions.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import { expandPath } from '../records/field-paths.ts'
import type { ApplicationRow } from './application-store.ts'
import { frozenMasks, frozenRows, instantOf, rowFaults } from './check-request.ts'
import { demandShared } from './file-application.ts'

/** One decision on an application, inside a transaction. */
export interface Deciding {
  hub: Hub
  stores: Stores
  transaction: Knex.Transaction
  caller: Caller | null
}

export interface Decided {
  row: ApplicationRow
  grant: Grant | null
  isBypassed: boolean
}

const steps: Readonly<Record<'consumer' | 'provider' | 'bureau', Step>> = {
  consumer: 'applications.decide',
  provider: 'applications.decide',
  bureau: 'applications.approve-extension',
}

/**
 * Takes one decision by the table `decisionTable` (Decree 809, art. 20 and 21). `role-missing` for who
 * may not take it or filed the application, `state-conflict` where the state does not allow it or it was
 * taken once already, `request-invalid` where it lacks what it demands. A yes makes the grant at once.
 */
export async function decideApplication(
  deciding: Deciding,
  id: string,
  body: DecisionBody,
): Promise<Decided> {
  const { stores, caller, hub } = deciding
  const row = await stores.applications.lock(id)
  const { staff, isBypassed } = await demandDecider(hub, caller, { row, body })
  refuseFaults(bodyFaults(row, body), '办理意见不合规 / The decision is invalid')
  const { from, to } = decisionTable[body.decision]
  if (!from.includes(row.state)) {
    throw conflict(
      `申请状态为 ${row.state},不能 ${body.decision} / An application that is ${row.state} does not allow ${body.decision}`,
    )
  }
  demandOnce(row, body)
  const grant = body.decision === 'agree' ? await makeGrant(deciding, row, { body, staff }) : null
  await stores.applications.record(id, {
    decision: body.decision,
    staff: staff.id,
    reason: body.reason ?? null,
    missing: body.missing ?? null,
    days: body.days ?? null,
    isBypassed,
  })
  const change = {
    ...(to !== null && { state: to }),
    ...(body.decision === 'request-supplement' && { was_supplemented: true }),
    ...(body.decision === 'request-extension' && { extension_days: body.days ?? null }),
  }
  if (Object.keys(change).length > 0) {
    await stores.applications.update(id, change, to === 'agreed' || to === 'refused')
  }
  return { row, grant, isBypassed }
}

async function demandDecider(
  { setup }: Hub,
  caller: Caller | null,
  { row, body }: { row: ApplicationRow; body: DecisionBody },
): Promise<{ staff: StaffCaller; isBypassed: boolean }> {
  const { by } = decisionTable[body.decision]
  const department = by === 'consumer' ? row.consumer : row.provider
  const isFiler = caller?.kind === 'staff' && caller.id === row.filed_by
  if (caller?.kind === 'staff' && (isFiler || !may(caller, steps[by], department))) {
    if ((await bypassOf(setup))(caller)) return { staff: caller, isBypassed: true }
  }
  const staff = demand(caller, steps[by], department)
  if (isFiler && by !== 'consumer') {
    throw new Refusal(
      'role-missing',
      '不得办理自己提交的申请,须由他人办理 / Nobody decides what they filed',
    )
  }
  return { staff, isBypassed: false }
}

/** Words that say no more than that something is missing: then it must be asked for (art. 21). */
const incompleteness =
  /(材料|资料|附件|手续|信息|申请)[^,,。;;]{0,6}(不全|不齐|不完整|不完备|缺失|欠缺|缺少)|incomplete|missing (material|document|information)/i

function bodyFaults(row: ApplicationRow, body: DecisionBody): RequestFault[] {
  const { decision, reason, missing, days } = body
  const faults: RequestFault[] = []
  if (decision === 'refuse' && reason === undefined) {
    faults.push(
      fault('/reason', 'required', '不同意须说明理由 / A refusal gives its reasons (art. 21)'),
    )
  }
  if (decision === 'refuse' && reason !== undefined && incompleteness.test(reason)) {
    const message =
      '材料不全不是不同意的理由,请改用 request-supplement 一次性告知 / Incompleteness is no ground: ask for what is missing, all at once (art. 21)'
    faults.push(fault('/reason', 'reason-incomplete', message))
  }
  if (decision === 'request-supplement' && missing === undefined) {
    const message =
      '须一次性列明全部需补正的材料 / Name everything that is missing, at once (art. 21)'
    faults.push(fault('/missing', 'required', message))
  }
  if (decision === 'request-extension') {
    if (days === undefined) {
      faults.push(fault('/days', 'required', '须说明延长的工作日数 / Say by how many working days'))
    }
    if (reason === undefined) {
      faults.push(fault('/reason', 'required', '须说明特殊原因 / Say the special reason (art. 21)'))
    }
  }
  return [...faults, ...termFaults(row, body)]
}

/** Terms of a yes; on an unconditional resource there are none to be made (art. 14 and 15). */
function termFaults(
  row: ApplicationRow,
  { decision, masks, rows, ...body }: DecisionBody,
): RequestFault[] {
  const faults: RequestFault[] = []
  const notHere = '只有 agree 可以附带 / Only agree takes this'
  if (decision !== 'agree') {
    if (masks) faults.push(fault('/masks', 'field-unknown', notHere))
    if (rows) faults.push(fault('/rows', 'field-unknown', notHere))
    return faults
  }
  if (row.share_type !== 'unconditional') return faults
  const message =
    '无条件共享的资源不得另加条件 / No conditions on an unconditional resource (art. 15)'
  if (masks && Object.values(masks).some((kind) => kind !== 'none')) {
    faults.push(fault('/masks', 'condition-refused', message))
  }
  if (rows) faults.push(fault('/rows', 'condition-refused', message))
  if (body.caseNumberRequired === true) {
    faults.push(fault('/caseNumberRequired', 'condition-refused', message))
  }
  return faults
}

function demandOnce(row: ApplicationRow, { decision }: DecisionBody): void {
  if (decision === 'request-supplement' && row.was_supplemented) {
    throw conflict('补正只能要求一次 / A supplement is asked for once (art. 21)')
  }
  if (decision === 'request-extension' && row.extension_days !== null) {
    throw conflict('延期只能申请一次 / An extension is asked for once (art. 21)')
  }
}

/** Operations that show values; verify tells only whether a claim is true. */
const showing: ReadonlySet<string> = new Set(['read', 'list', 'changes', 'deliver'])

async function makeGrant(
  { hub, stores, transaction, caller }: Deciding,
  row: ApplicationRow,
  { body, staff }: { body: DecisionBody; staff: StaffCaller },
): Promise<Grant> {
  const served = await demandShared(hub, caller, row.resource)
  const { request } = row
  const paths = request.fields.flatMap((path) => expandPath(served.fields, path))
  const until = instantOf(request.validUntil)
  if (until <= hub.clock.now()) {
    throw conflict('申请的使用时限已过 / The period applied for is over')
  }
  const rows = limitedRows(served, request.rows, body.rows)
  const masks = checkedMasks(served, paths, body.masks)
  const showsValues = request.operations.some((operation) => showing.has(operation))
  // Before any follower reads with the grant, so that no departure of its rows goes unnoted.
  await lockRecords(transaction, served.number)
  const filterFields = Object.keys(rows ?? {}).map((path) => path.split('.')[0] ?? path)
  await stores.grants.addFilterFields(served.number, filterFields)
  const grant = await stores.grants.insert({
    application: row.id,
    resource: served.id,
    resource_version: served.version,
    provider: row.provider,
    consumer: row.consumer,
    system: row.system,
    operations: request.operations,
    fields: request.fields,
    paths: [...new Set(paths)],
    rows,
    masks: frozenMasks(served.fields, paths, { said: masks, showsValues }),
    purposes: request.purposes,
    valid_until: until.toISOString(),
    daily_quota: request.dailyQuota ?? null,
    is_case_number_required: body.caseNumberRequired ?? request.caseNumberRequired ?? false,
    is_unflagged_only: request.unflaggedOnly ?? false,
    granted_by: staff.id,
  })
  await stores.announceChange(`grant:${grant.id}`)
  return grant
}

function checkedMasks(
  served: ServedResource,
  paths: readonly string[],
  masks: Masks | undefined,
): Masks | undefined {
  const faults = Object.keys(masks ?? {})
    .filter(
      (path) => !paths.includes(path) && !paths.some((granted) => granted.startsWith(`${path}.`)),
    )
    .map((path) =>
      fault(
        `/masks/${path}`,
        'field-unknown',
        `申请未包含信息项 ${path} / ${path} was not applied for`,
      ),
    )
  refuseFaults(faults, `资源 ${served.id} 的脱敏要求不合规 / The masks are invalid`)
  return masks
}

/** What was applied for, narrowed by the provider: a field that both limit keeps what both name. */
function limitedRows(
  served: ServedResource,
  asked: Rows | undefined,
  limits: Rows | undefined,
): Record<string, string[]> | null {
  refuseFaults(rowFaults(served.fields, limits), '行限定不合规 / The row limits are invalid')
  const wanted = frozenRows(served.fields, asked)
  const allowed = frozenRows(served.fields, limits)
  if (!wanted || !allowed) return wanted ?? allowed
  const rows = { ...wanted, ...allowed }
  for (const [path, values] of Object.entries(allowed)) {
    const both = wanted[path]?.filter((value) => values.includes(value)) ?? values
    if (both.length === 0) {
      const message = `${path} 的限定与申请没有共同的值 / The limits on ${path} leave nothing of what was applied for`
      refuseFaults([fault(`/rows/${path}`, 'rows-empty', message)], message)
    }
    rows[path] = both
  }
  return rows
}
