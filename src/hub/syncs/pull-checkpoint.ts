import type { HeldRun } from './release-run.ts'
import type { ClientBase } from 'pg'
import type { Position } from '../../connectors/contract.ts'
import type { LandingCounts } from '../intake/land-batch.ts'
import type { RunRow } from '../intake/run-rows.ts'
import { runStore } from '../intake/runs.ts'
import type { PullParts } from './pull-parts.ts'
import { RunStopped } from './run-work.ts'

/** Counts of the file or exchange batch that a run is in the midst of. */
export interface UnitTally {
  unit: string
  read: number
  landed: number
  flagged: number
  rejected: number
}

/**
 * How far a run has come, as it is kept with each batch. What the run committed behind it (batches whose
 * rows have no position) is read again when the run is taken up.
 */
export interface Checkpoint {
  position: Position | null
  /** The position for people. */
  words: string | null
  /** Rows of the run before it; the run's lines go on from there. */
  line: number
  /** The unit under way at the position. */
  unit: UnitTally | null
  /** The source has been read to its end: what is left is the run's end. */
  isRead: boolean
  /** Once it is read: how many rows the source had counted within that. */
  sourceCount: number | null
}

export const atBeginning: Checkpoint = {
  position: null,
  words: null,
  line: 0,
  unit: null,
  isRead: false,
  sourceCount: null,
}

const isKept = (value: unknown): value is Partial<Checkpoint> =>
  typeof value === 'object' && value !== null

/** As it was kept with a run; null when it had none. */
export const readCheckpoint = ({ checkpoint }: Pick<RunRow, 'checkpoint'>): Checkpoint | null =>
  isKept(checkpoint) ? { ...atBeginning, ...checkpoint } : null

/** Proves the hold: a worker that lost its lease must not tell the next one that everything was read. */
export async function keepCheckpoint(
  client: Pick<ClientBase, 'query'>,
  { id, holder }: HeldRun,
  checkpoint: Checkpoint,
): Promise<void> {
  const { rowCount } = await client.query(
    `update hub.runs set checkpoint = $3 where id = $1 and state = 'running' and leased_by = $2`,
    [id, holder, JSON.stringify(checkpoint)],
  )
  if (rowCount !== 1) throw new RunStopped('lease-lost')
}

export function addToTally(
  tally: UnitTally | null,
  unit: string | null,
  counts: Pick<LandingCounts, 'read' | 'rejected' | 'flagged'>,
): UnitTally | null {
  if (unit === null) return null
  const before =
    tally?.unit === unit ? tally : { unit, read: 0, landed: 0, flagged: 0, rejected: 0 }
  return {
    unit,
    read: before.read + counts.read,
    landed: before.landed + counts.read - counts.rejected,
    flagged: before.flagged + counts.flagged,
    rejected: before.rejected + counts.rejected,
  }
}

/**
 * A run that is taken up again reads on behind its checkpoint: rejects behind it come again, so they are
 * given up, and with them their places in the counts. What landed is landed, and counts as unchanged then.
 */
export async function giveUpBehind(
  { intake, run, holder }: PullParts,
  { line }: Pick<Checkpoint, 'line'>,
): Promise<RunRow> {
  const { rowCount } = await intake.pool.query(
    `with gone as (delete from hub.rejects j using hub.runs r
       where r.id = j.run_id and r.state = 'running' and r.leased_by = $2
         and j.run_id = $1 and j.line > $3 and j.state = 'open' returning 1),
     counted as (select count(*) as count from gone)
     update hub.runs set read_count = read_count - counted.count,
       rejected_count = rejected_count - counted.count from counted
     where id = $1 and state = 'running' and leased_by = $2`,
    [run.id, holder, line],
  )
  const found = await runStore(intake.pool).find(run.id)
  if (rowCount !== 1 || found === null) throw new RunStopped('lease-lost')
  return found
}
