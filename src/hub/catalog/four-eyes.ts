import type { ResourceAction, ResourceState, ResourceStep } from '../../../schemas/api/resources.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ResourceRow } from './resource-rows.ts'
import type { ResourceStore } from './resource-store.ts'

type Stage = 'compiling' | 'department-review' | 'bureau-review'

/**
 * The chain's stages, one person each for a version: whoever wrote it reviews it nowhere, and whoever
 * reviewed it for the department does not review it for the bureau. A return belongs to the stage that
 * it ends. Withdrawing is a chain of one step.
 */
function stageOf(action: ResourceStep['action'], from: ResourceState | null): Stage | null {
  if (action === 'withdraw') return null
  if (action === 'approve') return 'department-review'
  if (action === 'publish') return 'bureau-review'
  if (action === 'return') return from === 'bureau-review' ? 'bureau-review' : 'department-review'
  return 'compiling'
}

const stageNames: Record<Stage, string> = {
  compiling: '编制 / compiling',
  'department-review': '部门审核 / the department’s review',
  'bureau-review': '主管部门审核 / the bureau’s review',
}

/** Refuses with `role-missing` who already took a step of another stage for this version. */
export async function demandOtherEyes(
  resources: ResourceStore,
  row: Pick<ResourceRow, 'id' | 'state' | 'version'>,
  wanted: { staff: string; action: ResourceAction | 'edit' },
): Promise<void> {
  const stage = stageOf(wanted.action, row.state)
  // A revision begins a version of which nobody has done anything.
  if (stage === null || wanted.action === 'revise') return
  const taken = await resources.stepsOf(row.id, row.version, wanted.staff)
  const other = taken
    .map((step) => stageOf(step.action, step.from_state))
    .find((done) => done !== null && done !== stage)
  if (!other) return
  throw new Refusal(
    'role-missing',
    `同一版本不得由一人办理两个环节:您已办理 ${stageNames[other]},须由他人办理 / Nobody takes two steps of one chain: you took part in ${other}`,
  )
}
