import { randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import { isPassing } from '../database/clients.ts'
import type { Log } from '../database/log.ts'
import type { RunError, RunRow } from '../intake/run-rows.ts'
import type { RunQueue } from '../queue/run-queue.ts'
import { claimRun } from './claim-run.ts'
import { failSyncRun, giveBack, type HeldRun, retryLater } from './release-run.ts'
import { type RunOutcome, RunStopped, type RunWork } from './run-work.ts'
import { findNextRuns } from './sweep-runs.ts'
import { syncLimits } from './limits.ts'
import type { SyncRow } from './sync-rows.ts'
import { heeding, type Hold, holdRun } from './work-held.ts'

/** The work of each kind of run that a sync makes. */
export type RunWorks = Partial<Record<RunRow['kind'], RunWork>>

export interface WorkParts {
  pool: Pool
  queue: Pick<RunQueue, 'ringAll'>
  works: RunWorks
  /** Works off a push whose body is stored; claims it itself. */
  workStored(runId: string): Promise<void>
  /** The name of this process in leases. */
  holder: string
  log: Log
}

/*
 *   rung ─claim─▶ held ─work─▶ ended ───────────────────────────▶ next of its origin is rung
 *         │                ├─▶ yielded, closing ───▶ queued      (rung again at once)
 *         ▼ busy, gone     ├─▶ source or database away ▶ queued  (after a pause; at last: failed)
 *     left to the sweep    ├─▶ refused, a bug ─────▶ failed
 *                          └─▶ cancelled, lost ────▶ left alone
 */
export interface RunWorkers {
  /** Works off one run, if it can be claimed; never throws. */
  work(runId: string): Promise<void>
  /** Runs under way stop at their next step and go back to the queue. */
  stop(): void
}

export function createRunWorkers(parts: WorkParts): RunWorkers {
  const holds = new Set<Hold>()
  let isStopping = false
  let busyAt = Number.NEGATIVE_INFINITY
  return {
    work: async (runId) => {
      if (isStopping) return
      try {
        await workRun(parts, runId, {
          held: (hold) => {
            holds.add(hold)
            if (isStopping) hold.stop('closing')
          },
          released: (hold) => holds.delete(hold),
          foundBusy: () => (busyAt = performance.now()),
          mayOthersWait: () => performance.now() - busyAt < syncLimits.busyPauseMs,
        })
      } catch (error) {
        // The database is away, or was when the end was to be written: the lease ends and the sweep rings.
        parts.log.warn({ err: error, run: runId }, 'a run was left to be taken up again')
      }
    },
    stop: () => {
      isStopping = true
      for (const hold of holds) hold.stop('closing')
    },
  }
}

interface Watch {
  held(hold: Hold): void
  released(hold: Hold): void
  foundBusy(): void
  /** Whether a run found its store busy so lately that it may still be put off. */
  mayOthersWait(): boolean
}

async function workRun(parts: WorkParts, runId: string, watch: Watch): Promise<void> {
  // A name for each claim: a process that lost a run and claimed it again must not pass for its former self.
  const holder = `${parts.holder}:${randomBytes(4).toString('hex')}`
  const claim = await claimRun(parts.pool, runId, holder)
  if (claim?.kind === 'busy') watch.foundBusy()
  if (claim === null || claim.kind === 'busy' || claim.kind === 'closed') return
  if (claim.kind === 'stored') return parts.workStored(runId)
  const hold = holdRun(parts.pool, { id: runId, holder }, parts.log)
  watch.held(hold)
  try {
    await workClaimed(parts, { ...claim, holder, hold })
  } finally {
    hold.end()
    watch.released(hold)
  }
  // The job need not wait for it, nor fail with it: the sweep rings as well, also for other processes' runs.
  if (watch.mayOthersWait()) ringNext(parts, claim.sync.origin).catch(() => undefined)
}

const ringNext = async ({ pool, queue }: WorkParts, origin: string): Promise<void> =>
  queue.ringAll(await findNextRuns(pool, origin))

interface HeldWork {
  run: RunRow
  sync: SyncRow
  holder: string
  hold: Hold
}

async function workClaimed(parts: WorkParts, held: HeldWork): Promise<void> {
  const { run, holder, hold } = held
  const at: HeldRun = { id: run.id, holder }
  try {
    const outcome = await doWork(parts, held)
    if (outcome.kind === 'yielded') await giveBackAndRing(parts, held, outcome)
  } catch (error) {
    if (error instanceof RunStopped || hold.signal.aborted) {
      await afterStop(parts, held)
    } else if (isSystemError(error)) {
      const cause = describe(error)
      const how = await retryLater(parts.pool, { ...at, batchCount: run.batchCount }, cause)
      parts.log.warn({ run: run.id, sync: held.sync.id, ...cause, how }, 'a run could not go on')
      if (how === 'exhausted') await failSyncRun(parts.pool, at, cause)
    } else {
      if (!(error instanceof Refusal)) parts.log.error({ err: error, run: run.id }, 'a run failed')
      await failSyncRun(parts.pool, at, describe(error))
    }
  }
}

async function doWork(
  { works, log }: WorkParts,
  { run, sync, holder, hold }: HeldWork,
): Promise<RunOutcome> {
  const work = works[run.kind]
  if (work === undefined) throw new Error(`Nothing works off runs of kind ${run.kind}`)
  const { signal } = hold
  return heeding(work({ run, sync, holder, signal }), signal, () => {
    log.error({ run: run.id, sync: sync.id }, 'a run does not heed that it has to stop')
  })
}

/** Cancelled or lost: somebody else has written how the run goes on. Closing: it goes back as it is. */
async function afterStop(parts: WorkParts, held: HeldWork): Promise<void> {
  const reason: unknown = held.hold.signal.reason
  const isClosing = reason instanceof RunStopped && reason.why === 'closing'
  if (isClosing) await giveBackAndRing(parts, held, { notBefore: null, lane: held.run.lane })
}

async function giveBackAndRing(
  { pool, queue }: WorkParts,
  { run, holder }: HeldWork,
  next: { notBefore: Date | null; lane: RunRow['lane'] },
): Promise<void> {
  if (!(await giveBack(pool, { id: run.id, holder }, next))) return
  // This very job still bears one of the run's two names; the other one gets through.
  const rung = { id: run.id, priority: run.priority, ...next }
  await queue.ringAll([rung, { ...rung, isAgain: true }])
}

/** What passes by itself: it is tried again, and never counted as a bad row. */
const isSystemError = (error: unknown): boolean =>
  error instanceof Refusal
    ? error.code === 'source-unreachable' || error.code === 'unavailable'
    : isPassing(error)

function describe(error: unknown): RunError {
  if (error instanceof Refusal) return { code: error.code, message: error.message }
  if (isPassing(error)) {
    return { code: 'unavailable', message: '数据库暂不可用 / The database is away for now' }
  }
  return { code: 'internal', message: '内部错误,详见日志 / Internal error; see the log' }
}
