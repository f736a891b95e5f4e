import type { RunRow } from '../intake/run-rows.ts'
import type { SyncRow } from './sync-rows.ts'

/** A run of a sync that this process holds, and nobody else does. */
export interface ClaimedRun {
  run: RunRow
  sync: SyncRow
  /** The holder's name in the run's lease: every write of the run proves it. */
  holder: string
  /** Aborts when the lease is lost, the run is cancelled or the hub stops (`reason`: a `RunStopped`). */
  signal: AbortSignal
}

/** Why a run that is under way has to stop: none of it is the run's fault. */
export class RunStopped extends Error {
  readonly why: 'cancelled' | 'lease-lost' | 'closing'

  constructor(why: RunStopped['why']) {
    super(`The run stops: ${why}`)
    this.why = why
  }
}

/**
 * How a run's work came out. `ended`: the work has written the run's end itself, in one transaction with
 * what belongs to it. `yielded`: everything so far is committed with its checkpoint, and the run goes back
 * to the queue: its window has closed, it is larger than its lane is for.
 *
 * What is thrown instead decides by its kind: a Refusal of `source-unreachable` or `unavailable`, or a
 * database that is away, is tried again after a pause; any other Refusal ends the run as failed; `RunStopped`
 * gives it back; everything else is a bug, told in the log, and ends the run as failed with `internal`.
 */
export type RunOutcome =
  | { kind: 'ended'; run: RunRow }
  | { kind: 'yielded'; notBefore: Date | null; lane: RunRow['lane'] }

/** The work of one kind of run: pull, deliver, check. */
export type RunWork = (claimed: ClaimedRun) => Promise<RunOutcome>
