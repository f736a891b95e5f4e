import type { Static } from 'typebox'
import type { KeptReject as KeptRejectShape, Run } from '../../../schemas/api/intake.ts'
import type { KeptReject } from './reject-store.ts'
import type { RunRow } from './runs.ts'
import { readUnmapped } from './unmapped.ts'

/** A run as it is answered. */
export const runView = (run: RunRow): Run => ({
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
  progress: { batches: run.batchCount, bytes: run.byteCount },
  checkpoint: checkpointOf(run),
  nextBatch: run.nextBatch,
  lastSeq: run.lastSeq,
  columns: run.columns,
  drift: run.drift ?? [],
  unmapped: readUnmapped(run.unmapped),
  replayOf: run.replayOf,
  error: run.error,
  createdAt: run.createdAt,
  startedAt: run.startedAt,
  endedAt: run.endedAt,
})

function checkpointOf(run: RunRow): string | null {
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
