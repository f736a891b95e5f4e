import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { Schedule, SyncDraft, SyncStore } from '../../../schemas/api/syncs.ts'
import type { Field } from '../../../schemas/field.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { fault } from '../catalog/faults.ts'
import type { AdapterMappings } from '../catalog/mount-mapping.ts'
import { leavesOf } from '../records/field-paths.ts'
import type { BoundStore, KnownStore } from '../connections/bind-store.ts'
import { checkSchedule } from './due-times.ts'

/** The parts of a draft that only one direction knows. */
export function directionFaults(draft: SyncDraft): RequestFault[] {
  const foreign =
    draft.direction === 'pull'
      ? (['target', 'grant', 'columns', 'context'] as const)
      : (['source', 'cursor', 'overlap', 'mapping', 'fewerThanShareMin'] as const)
  const [kind, kindEn] = draft.direction === 'pull' ? ['拉取', 'a pull'] : ['下发', 'a delivery']
  const faults = foreign
    .filter((name) => draft[name] !== undefined)
    .map((name) => {
      const message = `${kind}任务没有 ${name} / ${kindEn} has no ${name}`
      return fault(`/${name}`, 'direction', message)
    })
  if (draft.direction === 'deliver' && draft.target === undefined) {
    faults.push(fault('/target', 'required', '下发须给出 target / A delivery needs a target'))
  }
  return faults
}

export const scheduleFaults = (schedule: Schedule | null | undefined): RequestFault[] =>
  schedule ? checkSchedule(schedule) : []

/** Which adapter and which store a pull names; its connector may be left to the mount. */
export function sourceFaults(
  { adapter, source, connector, settings }: SyncStore,
  { mounted, adapters }: { mounted: KnownStore | null; adapters: AdapterMappings },
): RequestFault[] {
  const faults: RequestFault[] = []
  if ((adapter === undefined) !== (source === undefined)) {
    const message = 'adapter 与 source 须同时给出 / adapter and source go together'
    faults.push(fault('/source/adapter', 'shape', message))
  } else if (adapter !== undefined && source !== undefined && !adapters.mapping(adapter, source)) {
    const message = `没有适配器 ${adapter} 的数据源 ${source} / There is no source ${source} of an adapter ${adapter}`
    faults.push(fault('/source/source', 'source-unknown', message))
  }
  if ((connector === undefined) !== (settings === undefined)) {
    const message = 'connector 与 settings 须同时给出 / connector and settings go together'
    faults.push(fault('/source/connector', 'shape', message))
  } else if (connector === undefined && mounted === null) {
    const message =
      '请给出连接器,或先在资源挂载中给出 / Give a connector: the resource’s mount names none'
    faults.push(fault('/source', 'connector-needed', message))
  }
  return faults
}

/** A delivery goes to a connector; adapters only say how rows come in. */
export function targetFaults({ adapter, source, connector, settings }: SyncStore): RequestFault[] {
  const faults: RequestFault[] = []
  if (adapter !== undefined || source !== undefined) {
    const message = '下发目标没有适配器 / The target of a delivery has no adapter'
    faults.push(fault('/target/adapter', 'shape', message))
  }
  if (connector === undefined || settings === undefined) {
    const message = '下发目标须给出 connector 与 settings / A target needs connector and settings'
    faults.push(fault('/target', 'connector-needed', message))
  }
  return faults
}

/** Whether the connector can do what the sync asks of it, and how it tells what is new. */
export function usageFaults(
  draft: Pick<SyncDraft, 'direction' | 'mode' | 'cursor' | 'overlap'>,
  store: BoundStore,
): RequestFault[] {
  if (draft.direction === 'deliver') {
    const message = `连接器 ${store.connector} 只能读取 / This connector is only read from`
    return store.bound.openTarget ? [] : [fault('/target/connector', 'direction', message)]
  }
  if (!store.bound.openSource) {
    const message = `连接器 ${store.connector} 只能写入 / This connector is only written to`
    return [fault('/source/connector', 'direction', message)]
  }
  return cursorFaults(draft, store)
}

function cursorFaults(
  { mode, cursor, overlap }: Pick<SyncDraft, 'mode' | 'cursor' | 'overlap'>,
  store: BoundStore,
): RequestFault[] {
  const knowsItself = tellsWhatIsNew(store)
  if (cursor !== undefined && 'exchange' in store.settings) {
    const message =
      '交换表按批次顺序读取,不用游标 / An exchange table is read by batch, without a cursor'
    return [fault('/cursor', 'cursor-unused', message)]
  }
  if (mode === 'incremental' && cursor === undefined && !knowsItself) {
    const message =
      '增量拉取须给出游标列,如 ["updated_at","id"] / An incremental pull needs its cursor columns'
    return [fault('/cursor', 'cursor-needed', message)]
  }
  if (overlap !== undefined && cursor === undefined) {
    const message = '没有游标列,重读范围无从谈起 / An overlap means nothing without a cursor'
    return [fault('/overlap', 'cursor-needed', message)]
  }
  return []
}

/** Files are known by their digest, exchange batches by their mark; an interface without `since` gives all. */
function tellsWhatIsNew({ connector, settings }: BoundStore): boolean {
  if (connector === 'file' || connector === 'sftp') return true
  if (connector === 'http') return settings['since'] === undefined
  return settings['exchange'] !== undefined
}

/** Columns of a delivery: fields that are granted, each to a column of its own. */
export function columnFaults(
  columns: Readonly<Record<string, string>>,
  granted: readonly string[],
): RequestFault[] {
  const known = new Set([...granted, ...granted.map((path) => path.split('.')[0] ?? path)])
  const taken = new Map<string, string>()
  return Object.entries(columns).flatMap(([field, column]) => {
    const pointer = `/columns/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!known.has(field)) {
      return [fault(pointer, 'field-not-granted', '信息项未授权 / The field is not granted')]
    }
    const other = taken.get(column)
    taken.set(column, field)
    if (other === undefined) return []
    return [
      fault(pointer, 'column-taken', `目标列已用于 ${other} / The column is already ${other}`),
    ]
  })
}

/** The mapping that a pull's rows go through; null: they come in the standard's own shape. */
export function mappingOfPull(
  { mapping, source = {} }: Pick<SyncDraft, 'mapping' | 'source'>,
  { adapters, mounted }: { adapters: AdapterMappings; mounted: Mapping | null },
): Mapping | null {
  if (mapping !== undefined) return mapping
  if (source.adapter !== undefined && source.source !== undefined) {
    return adapters.mapping(source.adapter, source.source)
  }
  return mounted
}

/** The leaves that a grant's fields stand for today. */
export const grantedPaths = (granted: readonly string[], fields: readonly Field[]): string[] =>
  [...leavesOf(fields).keys()].filter((path) =>
    granted.some((name) => path === name || path.startsWith(`${name}.`)),
  )
