import { Refusal } from '../../shared/refusal.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { Caller, SystemCaller } from '../identity/caller.ts'
import { demand, may, mayForAll } from '../identity/permissions.ts'
import type { RunRow } from './run-rows.ts'

/** What of a resource intake must know although it may not be published. */
export interface KnownResource {
  id: string
  provider: string
  state: string
  shareType: string
}

/**
 * The provider's own front-end machine, and nobody else, puts records in. Who may not even know of the
 * resource gets `not-found`, another department's machine `role-missing`, an unpublished one `state-conflict`.
 */
export function demandProvider(
  caller: Caller | null,
  resource: KnownResource | null,
  served: ServedResource | null,
): { machine: SystemCaller; served: ServedResource } {
  const isOwn = caller?.department === resource?.provider
  if (resource === null || (served === null && !isOwn)) throw notFound()
  if (caller?.kind !== 'system' || caller.systemKind !== 'front-end-machine' || !isOwn) {
    throw new Refusal(
      'role-missing',
      '只有提供部门的前置机可以推送 / Only a front-end machine of the provider may push',
    )
  }
  if (served === null) {
    throw new Refusal(
      'state-conflict',
      `资源尚未发布或已下架(${resource.state}) / The resource is not published (${resource.state})`,
    )
  }
  return { machine: caller, served }
}

/** Runs are seen by the provider's machines and staff, and by the bureau. */
export function demandRun(caller: Caller | null, run: RunRow | null): RunRow {
  if (run === null) throw notFound()
  const isOwnMachine = caller?.kind === 'system' && caller.department === run.department
  if (isOwnMachine || may(caller, 'runs.read', run.department)) return run
  if (run.sync !== null && may(caller, 'syncs.read', run.department)) return run
  throw notFound()
}

/** The department's other systems see how a run went, and neither steer it nor see its rows. */
function demandFrontEnd({ systemKind }: SystemCaller): void {
  if (systemKind === 'front-end-machine') return
  throw new Refusal(
    'role-missing',
    '只有提供部门的前置机可以操作运行和查看问题数据 / Only a front-end machine of the provider may do this',
  )
}

/** Operating a run: its own machine, the department's operator, or whoever may run its sync. */
export function demandOperator(caller: Caller | null, found: RunRow | null): RunRow {
  const run = demandRun(caller, found)
  if (caller?.kind === 'system') demandFrontEnd(caller)
  else demand(caller, run.sync === null ? 'runs.operate' : 'syncs.run', run.department)
  return run
}

/** Rejects are personal data: the provider's machine and operators only, never the bureau. */
export function demandRejects(caller: Caller | null, found: RunRow | null): RunRow {
  const run = demandRun(caller, found)
  if (caller?.kind !== 'system') demand(caller, 'rejects.read', run.department)
  else demandFrontEnd(caller)
  return run
}

/** Whose runs a list shows: null for everybody's, else the department's own. */
export function runsScope(caller: Caller | null): string | null {
  if (mayForAll(caller, 'runs.read')) return null
  if (caller?.kind === 'system') return caller.department
  return demand(caller, 'runs.read', caller?.department ?? null).department
}

const notFound = (): Refusal =>
  new Refusal('not-found', '没有这个资源或运行 / No such resource or run')
