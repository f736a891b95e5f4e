import type { Reconciliation } from '../../../schemas/api/syncs.ts'
import { recordsName } from '../records/record-table.ts'
import type { Checkpoint } from './pull-checkpoint.ts'
import type { PullParts } from './pull-parts.ts'
import { isFull, type Planned } from './pull-plan.ts'

/**
 * Compares what the source counted within what was read, right before it was, with what was read. A run
 * that was taken up again counts what lay behind its checkpoint. What does not agree is told, and fails
 * nothing: a source that is written to meanwhile rarely counts the same twice.
 */
export async function reconcile(
  parts: PullParts,
  { run }: Planned,
  { readTotal, checkpoint: { sourceCount } }: { readTotal: number; checkpoint: Checkpoint },
): Promise<Reconciliation> {
  const recordCount = isFull(run) ? await liveRecords(parts) : null
  const agrees = sourceCount === null ? null : sourceCount === readTotal
  const seen = { sourceCount, readCount: readTotal, recordCount, agrees }
  return { ...seen, note: noteOf(seen) }
}

export async function liveRecords({ intake, resource }: PullParts): Promise<number> {
  const { rows } = await intake.bulkPool.query<{ count: number }>(
    `select count(*)::integer as count from ${recordsName(resource.served.number)} where _status <> 'deleted'`,
  )
  return rows[0]?.count ?? 0
}

type Seen = Omit<Reconciliation, 'note' | 'differences'>

function noteOf({ sourceCount, readCount, recordCount, agrees }: Seen): string | null {
  const notes = [
    ...(agrees === false
      ? [
          `来源计 ${sourceCount} 行,读取 ${readCount} 行 / the source counts ${sourceCount}, read ${readCount}`,
        ]
      : []),
    ...(recordCount !== null && recordCount !== readCount
      ? [
          `读取 ${readCount} 行,在用记录 ${recordCount} 条 / ${readCount} rows read, ${recordCount} live records`,
        ]
      : []),
  ]
  return notes.length === 0 ? null : notes.join(';')
}
