import type { Knex } from 'knex'
import {
  resourceTransitions,
  type ResourceAction,
  type ResourceState,
} from '../../../schemas/api/resources.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import type { Stores } from '../database/stores.ts'
import type { Caller, StaffCaller } from '../identity/caller.ts'
import { demand, type Step } from '../identity/permissions.ts'
import type { Catalog } from './catalog.ts'
import { conflict, fault, refuseFaults } from './faults.ts'
import { demandOtherEyes } from './four-eyes.ts'
import { publishResource } from './publish-resource.ts'
import type { ResourceRow } from './resource-rows.ts'
import { lockSeen } from './visibility.ts'
import { withdrawResource } from './withdraw-resource.ts'

/** One step of a resource's life, inside a transaction. */
export interface Move {
  stores: Stores
  transaction: Knex.Transaction
  catalog: Catalog
  caller: Caller | null
  /** Whether setup mode lets this member of staff take every step alone. */
  isBypassed: (staff: StaffCaller) => boolean
}

export interface Moved {
  /** The version that the step was about. */
  version: number
  isBypassed: boolean
}

const permissions: Readonly<Record<ResourceAction, Step>> = {
  submit: 'resources.submit',
  approve: 'resources.approve',
  return: 'resources.return',
  publish: 'resources.publish',
  withdraw: 'resources.withdraw',
  revise: 'resources.draft',
}

/** What a step does beside leading to another state. */
const effects: Readonly<
  Record<ResourceAction, (move: Move, row: ResourceRow, staff: StaffCaller) => Promise<unknown>>
> = {
  submit: async (_move, row) => demandAssessments(row),
  approve: async () => undefined,
  return: async () => undefined,
  publish: publishResource,
  withdraw: withdrawResource,
  revise: ({ stores }, row) => stores.resources.beginVersion(row.id, row.version + 1),
}

/**
 * Takes one step by the table `resourceTransitions`. Refuses with `not-found` who may not know of the
 * resource, `role-missing` who may not take the step or took another one of its chain, `state-conflict`
 * where the state does not allow it.
 */
export async function moveResource(
  move: Move,
  id: string,
  wanted: { action: ResourceAction; comment?: string },
): Promise<Moved> {
  const { action, comment = null } = wanted
  const { resources } = move.stores
  const row = await lockSeen(resources, move.caller, id)
  const bypassed = move.caller?.kind === 'staff' && move.isBypassed(move.caller)
  const staff = demandStep(move.caller, { action, row, bypassed })
  demandComment(action, comment)
  const to = nextState(row.state, action, bypassed)
  if (!bypassed) await demandOtherEyes(resources, row, { staff: staff.id, action })
  await effects[action](move, row, staff)
  if (action !== 'publish' && action !== 'withdraw' && action !== 'revise') {
    await resources.setState(id, to)
  }
  await resources.setListedState(id, to)
  const version = action === 'revise' ? row.version + 1 : row.version
  const step = { action, from: row.state, to, comment, version }
  await resources.addStep(id, { ...step, staff: staff.id, isBypassed: bypassed })
  await move.stores.announceChange(`resource:${id}`)
  return { version, isBypassed: bypassed }
}

interface Wanted {
  action: ResourceAction
  row: ResourceRow
  bypassed: boolean
}

function demandStep(caller: Caller | null, { action, row, bypassed }: Wanted): StaffCaller {
  if (bypassed && caller?.kind === 'staff') return caller
  return demand(caller, permissions[action], row.provider)
}

function demandComment(action: ResourceAction, comment: string | null): void {
  if (action !== 'return' && action !== 'withdraw') return
  if (comment !== null && comment.trim() !== '') return
  const message = '退回与下架须说明理由 / Returning and withdrawing need a reason'
  refuseFaults([fault('/comment', 'required', message)], message)
}

function nextState(from: ResourceState, action: ResourceAction, isSetup: boolean): ResourceState {
  const allowed = resourceTransitions.find(
    (transition) =>
      transition.action === action &&
      transition.from.includes(from) &&
      (isSetup || transition.setupOnly !== true),
  )
  if (allowed) return allowed.to
  throw conflict(
    `${from} 状态下不能 ${action} / The step ${action} is not possible in the state ${from}`,
  )
}

/** Article 13: both assessments come before the catalog entry is submitted. */
function demandAssessments({ draft }: ResourceRow): void {
  const missing: RequestFault[] = (
    [
      ['secrecy', '保密风险评估'],
      ['personalInformation', '个人信息保护影响评估'],
    ] as const
  )
    .filter(([name]) => draft.assessments?.[name] === undefined)
    .map(([name, title]) =>
      fault(
        `/assessments/${name}`,
        'required',
        `提交前须完成${title}(条例第十三条) / The ${name} assessment comes first (art. 13)`,
      ),
    )
  if (missing.length === 0) return
  throw conflict(
    '提交前须完成两项评估(条例第十三条) / Both assessments come before submitting (art. 13)',
    missing,
  )
}
