import type { SourceColumn } from '../../connectors/contract.ts'
import { Refusal } from '../../shared/refusal.ts'
import { columnsLacking } from '../intake/column-watch.ts'
import type { PullParts } from './pull-parts.ts'
import { answered } from './pull-watch.ts'
import type { SyncRow } from './sync-rows.ts'

/** What a run saw of its source's columns before its first row. */
export interface SeenColumns {
  /** Null where the store has no columns before its rows are read. */
  columns: readonly SourceColumn[] | null
  /** Rough; null where unknown. */
  rowEstimate: number | null
  /** In words: columns that nobody named, and what is not as it was when they were last accepted. */
  drift: string[]
}

/** Every new, missing and retyped column, in words. */
export function columnChanges(
  before: readonly SourceColumn[],
  now: readonly SourceColumn[],
): string[] {
  const former = new Map(before.map((column) => [column.name, column]))
  const names = new Set(now.map(({ name }) => name))
  const changed = now.flatMap((column) => {
    const known = former.get(column.name)
    if (known === undefined) return [`新增列 ${column.name} (${column.nativeType}) / new`]
    if (known.nativeType === column.nativeType) return []
    return [`列 ${column.name} 类型由 ${known.nativeType} 变为 ${column.nativeType} / retyped`]
  })
  const gone = before.filter(({ name }) => !names.has(name))
  return [...changed, ...gone.map(({ name }) => `缺少列 ${name} / missing`)]
}

/**
 * Looks at the source's columns before its first row. What changed since they were last accepted is
 * handled as the sync says: `pause` pauses it and fails the run before anything has landed, `ignore` and
 * `add` note it. A new column flows where a field of its name is there to take it; none is made for it.
 * A forced run accepts. Without a column that the mapping names no run goes on.
 */
export async function seeColumns(parts: PullParts, isForced: boolean): Promise<SeenColumns> {
  const { source, sync, pipeline, watch } = parts
  const { columns, rowEstimate } = await answered(source.describe(), watch)
  if (columns === null) return { columns, rowEstimate, drift: [] }
  const changes = sync.sourceColumns === null ? [] : columnChanges(sync.sourceColumns, columns)
  if (changes.length > 0 && sync.onDrift === 'pause' && !isForced) {
    await pauseSync(parts, sync, changes)
    throw changed(changes)
  }
  const { missing, drift } = pipeline.mapping.checkColumns(columns.map(({ name }) => name))
  if (missing.length > 0) throw columnsLacking(missing)
  return { columns, rowEstimate, drift: [...new Set([...drift, ...changes])] }
}

const pauseSync = ({ intake }: PullParts, { id }: SyncRow, changes: string[]): Promise<unknown> =>
  intake.pool.query(
    `update hub.syncs set state = 'paused', paused_for = $2, updated_at = now() where id = $1`,
    [id, `来源结构变化:${changes.join(';')} / The source’s columns have changed`],
  )

const changed = (changes: string[]): Refusal =>
  new Refusal(
    'state-conflict',
    `来源结构变化,未写入任何数据,同步已暂停:${changes.join(';')};确认无误后请恢复同步,或调整映射 ` +
      '/ The source’s columns have changed; nothing has landed and the sync is paused. Resume it if that is right, or change the mapping',
  )
