import type { ResourceDraft } from '../../../schemas/api/resources.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import type { Stores } from '../database/stores.ts'
import type { Caller, StaffCaller } from '../identity/caller.ts'
import { demand } from '../identity/permissions.ts'
import { breakingChanges } from './breaking-changes.ts'
import { codePrefix, draftFaults } from './check-draft.ts'
import { conflict, fault, refuseFaults } from './faults.ts'
import { demandOtherEyes } from './four-eyes.ts'
import { resolveFields } from './resolve-fields.ts'
import type { KeptDraft, ResourceRow, Shape, VersionRow } from './resource-rows.ts'
import { lockSeen } from './visibility.ts'

/** Who drafts, and whether setup mode lets them do every step alone. */
export interface Drafting {
  stores: Stores
  caller: Caller | null
  isBypassed: (staff: StaffCaller) => boolean
}

/** Writes a new draft (编目). All faults of the body at once; `code-taken` where id or code ever was given. */
export async function draftResource(
  { stores, caller, isBypassed }: Drafting,
  draft: ResourceDraft,
): Promise<ResourceRow> {
  const staff = demand(caller, 'resources.draft', draft.provider)
  const { resources } = stores
  const shape = await checkDraft(stores, draft)
  const code =
    draft.code === undefined
      ? await resources.giveCode(codePrefix(draft), draft.id)
      : await resources.takeCode(draft.code, draft.id)
  const kept = { ...shape, code, draft: toKept(draft) }
  await resources.insert(kept)
  await resources.list('working', { ...kept, state: 'draft' })
  const step = { action: 'draft', from: null, to: 'draft', version: 1, comment: null } as const
  await resources.addStep(draft.id, { ...step, staff: staff.id, isBypassed: isBypassed(staff) })
  return demandRow(stores, draft.id)
}

/**
 * Replaces a draft. Only while it is one or was returned; `state-conflict` also for what would break the
 * readers of a published version. Whoever reviewed this version does not write it.
 */
export async function editResource(
  drafting: Drafting,
  id: string,
  change: Omit<ResourceDraft, 'id'> & { id?: string },
): Promise<ResourceRow> {
  const { stores, caller, isBypassed } = drafting
  const { resources } = stores
  const row = await lockSeen(resources, caller, id)
  const staff = demand(caller, 'resources.draft', row.provider)
  if (change.provider !== row.provider) demand(caller, 'resources.draft', change.provider)
  if (row.state !== 'draft' && row.state !== 'returned') throw notADraft(row)
  const bypassed = isBypassed(staff)
  if (!bypassed) await demandOtherEyes(resources, row, { staff: staff.id, action: 'edit' })
  const draft = { ...change, id }
  const last = await resources.lastVersion(id)
  const shape = await checkDraft(stores, draft, { id: change.id, last })
  refuseBreaking(last, { ...shape, draft: toKept(draft) })
  const code = await codeOf(stores, { row, draft, last })
  const kept = { ...shape, code, draft: toKept(draft) }
  await resources.update(id, kept)
  await resources.list('working', { ...kept, state: row.state })
  const step = { action: 'edit', from: row.state, to: row.state, comment: null } as const
  const { version } = row
  await resources.addStep(id, { ...step, version, staff: staff.id, isBypassed: bypassed })
  return demandRow(stores, id)
}

async function demandRow({ resources }: Stores, id: string): Promise<ResourceRow> {
  const row = await resources.find(id)
  if (!row) throw new Error(`Resource ${id} was written and is not there`)
  return row
}

const notADraft = ({ state }: ResourceRow): Error =>
  conflict(
    `资源处于 ${state},只有草稿或被退回的资源可以修改;已发布的请先修订(revise) / Only a draft or returned resource can be changed, this one is ${state}; revise a published one first`,
  )

/** What is kept of a draft: its fields are kept resolved, its code in a column of its own. */
function toKept(draft: ResourceDraft): KeptDraft {
  const { fields: _fields, code: _code, ...kept } = draft
  return kept
}

async function checkDraft(
  { departments }: Stores,
  draft: ResourceDraft,
  known: { id?: string | undefined; last?: VersionRow | undefined } = {},
): Promise<Shape> {
  const { fields, keys, faults } = resolveFields(draft, known.last?.fields)
  const found: RequestFault[] = [...draftFaults(draft), ...faults]
  if (known.id !== undefined && known.id !== draft.id) {
    found.unshift(fault('/id', 'const', '资源编号不可更改 / The id is fixed'))
  }
  if (!(await departments.find(draft.provider))) {
    const message = `没有部门 ${draft.provider} / There is no department ${draft.provider}`
    found.push(fault('/provider', 'department-unknown', message))
  }
  refuseFaults(found, '资源草稿不合规 / The draft is invalid')
  return { fields, keys }
}

function refuseBreaking(last: VersionRow | undefined, next: Shape & { draft: KeptDraft }): void {
  const breaking = last ? breakingChanges(last, next) : []
  if (breaking.length === 0) return
  throw conflict(
    '修订会影响已有使用方,请新建资源或先办理变更备案(条例第二十七条) / The revision would break readers: draft a new resource or file the change (art. 27)',
    breaking,
  )
}

interface Recoding {
  row: ResourceRow
  draft: ResourceDraft
  last: VersionRow | undefined
}

/** The code stays; before the first publication another category or a named code gives another one. */
async function codeOf({ resources }: Stores, { row, draft, last }: Recoding): Promise<string> {
  const prefix = codePrefix(draft)
  const isKept =
    draft.code === undefined ? row.code.split('/', 1)[0] === prefix : draft.code === row.code
  if (isKept) return row.code
  if (last) {
    const pointer = draft.code === undefined ? '/category' : '/code'
    const message =
      '已发布资源的代码与分类不可更改 / Code and category of a published resource are fixed'
    throw conflict(message, [fault(pointer, 'definition-changed', message)])
  }
  if (draft.code === undefined) return resources.giveCode(prefix, row.id)
  return resources.takeCode(draft.code, row.id)
}
