import type { Static } from 'typebox'
import type { KeptReject as KeptRejectShape, Run } from '../../../schemas/api/intake.ts'
import type { KeptReject } from './reject-store.ts'
import type { RunRow } from './run-rows.ts'
import { readUnmapped } from './unmapped.ts'

/** What a view says of a run beside its row. */
export interface RunSight {
  now: Date
  /** Rows of the last full read of its sync: what the run will read, where its source cannot say. */
  lastFullCount?: number | null
}

/** A run as it is answered. */
export const runView = (run: RunRow, sight: RunSight = { now: new Date() }): Run => ({
  id: run.id,
  resource: run.resource,
  kind: run.kind,
  mode: run.mode,
  state: run.state,
  dryRun: run.isDry,
  system: run.system,
  staff: run.staff,
  department: run.department,
  counts: run.counts,
  progress: progressOf(run, sight),
  checkpoint: checkpointOf(run),
  nextBatch: run.nextBatch,
  lastSeq: run.lastSeq,
  columns: run.columns,
  drift: run.drift ?? [],
  unmapped: readUnmapped(run.unmapped),
  replayOf: run.replayOf,
  error: run.error,
  sync: run.sync,
  scheduledAt: run.scheduledAt,
  aside: run.isAside,
  attempt: run.attempt,
  lane: run.lane,
  lastError: run.lastError,
  reconciliation: run.reconciliation,
  createdAt: run.createdAt,
  startedAt: run.startedAt,
  endedAt: run.endedAt,
})

/** Before this much of a run is over, its speed says little of the rest. */
const groundBatches = 2
const groundMs = 5000

function progressOf(run: RunRow, { now, lastFullCount = null }: RunSight): Run['progress'] {
  const rows = run.counts.read
  const endMs = run.endedAt === null ? now.getTime() : Date.parse(run.endedAt)
  const elapsedMs = run.startedAt === null ? 0 : Math.max(0, endMs - Date.parse(run.startedAt))
  const perSecond = rows > 0 && elapsedMs > 0 ? (rows * 1000) / elapsedMs : null
  const hasGround = run.batchCount >= groundBatches || elapsedMs >= groundMs
  const left = run.state === 'running' && hasGround ? rowsLeft(run, lastFullCount) : null
  return {
    batches: run.batchCount,
    bytes: run.byteCount,
    rows,
    rowsPerSecond: perSecond === null ? null : Math.round(perSecond * 10) / 10,
    eta:
      left === null || perSecond === null
        ? null
        : new Date(now.getTime() + (left / perSecond) * 1000).toISOString(),
  }
}

/** By the source's own count when the run began, else by the last full read; null where neither is known. */
function rowsLeft({ plan, mode, counts }: RunRow, lastFullCount: number | null): number | null {
  const sourceCount = numberIn(plan, 'sourceCount')
  const total =
    sourceCount === null
      ? mode === 'snapshot'
        ? lastFullCount
        : null
      : sourceCount + (numberIn(plan, 'readBase') ?? 0)
  return total === null ? null : Math.max(0, total - counts.read)
}

const valueIn = (json: unknown, name: string): unknown =>
  typeof json === 'object' && json !== null
    ? Object.entries(json).find(([key]) => key === name)?.[1]
    : undefined

function numberIn(json: unknown, name: string): number | null {
  const value = valueIn(json, name)
  return typeof value === 'number' ? value : null
}

function checkpointOf(run: RunRow): string | null {
  const words = valueIn(run.checkpoint, 'words')
  if (typeof words === 'string') return words
  if (run.kind === 'load' && run.nextBatch !== null) {
    return `下一批次 ${run.nextBatch} / next batch ${run.nextBatch}`
  }
  if (run.batchCount === 0) return null
  return `已提交 ${run.batchCount} 批、${run.byteCount} 字节 / ${run.batchCount} batches, ${run.byteCount} bytes committed`
}

export const rejectView = (reject: KeptReject): Static<typeof KeptRejectShape> => ({
  line: reject.line,
  source: reject.source,
  field: reject.field,
  code: reject.code,
  message: reject.message,
  reasons: reject.reasons,
  state: reject.state,
})
