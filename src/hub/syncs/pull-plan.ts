import type { Position, ReadBounds, SourceColumn } from '../../connectors/contract.ts'
import type { RunRow } from '../intake/run-rows.ts'
import { seeColumns } from './drift.ts'
import { readOverlap } from './overlap.ts'
import { type Checkpoint, giveUpBehind, readCheckpoint } from './pull-checkpoint.ts'
import { pullLimits } from './pull-limits.ts'
import { type PullParts, wholeSource } from './pull-parts.ts'
import { answered } from './pull-watch.ts'
import { RunStopped } from './run-work.ts'

/** What whoever asked for the run said, as it lies in the plan from the beginning. */
export interface RunOrder {
  from: string | null
  to: string | null
  force: boolean
}

/** What a run decides when it begins, and keeps however often it is taken up again. */
export interface PullPlan extends RunOrder {
  bounds: ReadBounds
  /** The resource's change number before the first row: what is newer is not the run's to delete. */
  startSeq: number
  /** A full read keeps the keys that it meets, where there is anything that it could find missing. */
  keepsKeys: boolean
  /** Rows of the run before this reading of the source began: not 0 where it had to begin anew. */
  readBase: number
  /** Rows that the source counts within the bounds: for the time that is left. */
  sourceCount: number | null
  /** Of a full read under a sync with a cursor: where the next incremental run goes on. */
  newest: Position | null
}

/** A run with everything that its reading is bound to. */
export interface Planned {
  /** With its counts as they are after what comes again was given up. */
  run: RunRow
  plan: PullPlan
  checkpoint: Checkpoint | null
  /** What is read now: the plan's bounds, or what of them lies behind the checkpoint. */
  bounds: ReadBounds
  /** Rows that the source counts within them, right before they are read. */
  sourceCount: number | null
  columns: readonly SourceColumn[] | null
  drift: string[]
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

export function readOrder({ plan, isForced }: Pick<RunRow, 'plan' | 'isForced'>): RunOrder {
  const order = isObject(plan) ? plan : {}
  return {
    from: textOf(order['from']),
    to: textOf(order['to']),
    force: order['force'] === true || isForced,
  }
}

/** Written by `keepPlan` alone: whatever has bounds is a whole plan. */
const isPlan = (value: unknown): value is PullPlan => isObject(value) && isObject(value['bounds'])

export const isFull = ({ mode }: Pick<RunRow, 'mode'>): boolean => mode === 'snapshot'

/** Whether the sync's own position moves with the run: not beside it, not by reading everything. */
export const movesPosition = (run: Pick<RunRow, 'mode' | 'isAside'>): boolean =>
  !run.isAside && !isFull(run)

/**
 * Decides what the run reads, or goes on with what it decided before. The source's columns are looked at
 * each time, before any row.
 */
export async function planPull(parts: PullParts): Promise<Planned> {
  const order = readOrder(parts.run)
  const { columns, rowEstimate, drift } = await seeColumns(parts, order.force)
  const checkpoint = readCheckpoint(parts.run)
  const isTakenUp = parts.run.batchCount > 0
  const run = isTakenUp ? await giveUpBehind(parts, checkpoint ?? { line: 0 }) : parts.run
  const known = isPlan(parts.run.plan) ? parts.run.plan : null
  const plan =
    known === null || isBegunAnew(run, checkpoint)
      ? await keepPlan(parts, await newPlan(parts, { order, run, known, rowEstimate }))
      : known
  const bounds = boundsNow(plan, checkpoint)
  const sourceCount = await countWithin(parts, {
    known: plan === known ? null : plan,
    rowEstimate,
    bounds,
  })
  return { run, plan, checkpoint, bounds, sourceCount, columns, drift }
}

/** A full read whose rows have no order begins from its first row, and forgets whom it had met. */
const isBegunAnew = (run: RunRow, checkpoint: Checkpoint | null): boolean =>
  isFull(run) && run.batchCount > 0 && checkpoint === null

const boundsNow = ({ bounds }: PullPlan, checkpoint: Checkpoint | null): ReadBounds =>
  checkpoint?.position == null ? bounds : { ...bounds, after: checkpoint.position, overlap: 0 }

interface Counting {
  /** A plan that was made this moment: it has counted already. */
  known: PullPlan | null
  rowEstimate: number | null
  bounds: ReadBounds
}

async function countWithin(
  { source, watch }: PullParts,
  { known, rowEstimate, bounds }: Counting,
): Promise<number | null> {
  if (known !== null) return known.sourceCount
  if ((rowEstimate ?? 0) > pullLimits.countedRowsMax) return null
  return answered(source.count(bounds), watch)
}

interface Deciding {
  order: RunOrder
  run: RunRow
  known: PullPlan | null
  rowEstimate: number | null
}

async function newPlan(
  parts: PullParts,
  { order, run, known, rowEstimate }: Deciding,
): Promise<PullPlan> {
  const { sync, source, watch } = parts
  // Before the source is asked for anything: a record that changes from here on is newer than the run.
  const startSeq = await lastSeqOf(parts)
  // Sources with an order of their own, such as exchange tables, need no cursor to know their newest.
  const newest = await answered(source.newest(sync.cursor ?? []), watch)
  const bounds = known?.bounds ?? boundsOf(parts, order, newest)
  return {
    ...order,
    bounds,
    startSeq,
    keepsKeys: isFull(run) && startSeq > 0,
    readBase: run.counts.read,
    sourceCount: await countWithin(parts, { known: null, rowEstimate, bounds }),
    newest,
  }
}

function boundsOf({ run, sync }: PullParts, order: RunOrder, newest: Position | null): ReadBounds {
  if (isFull(run)) return wholeSource
  const isRange = order.from !== null || order.to !== null
  const overlap = readOverlap(sync.overlap ?? '10m')
  return {
    cursor: sync.cursor,
    after: isRange ? null : sync.position,
    upTo: newest,
    overlap: isRange ? 0 : (overlap.seconds ?? overlap.count ?? 0),
    range: isRange ? { from: order.from ?? undefined, to: order.to ?? undefined } : null,
  }
}

async function lastSeqOf({ intake, sync }: PullParts): Promise<number> {
  const { rows } = await intake.pool.query<{ last_seq: number }>(
    'select last_seq from hub.change_numbers where resource = $1',
    [sync.resource],
  )
  return rows[0]?.last_seq ?? 0
}

/** Only the run's holder decides; keys of a reading that was given up go with it. */
async function keepPlan({ intake, run, holder }: PullParts, plan: PullPlan): Promise<PullPlan> {
  const { rowCount } = await intake.pool.query(
    `update hub.runs set plan = $3, start_seq = $4
     where id = $1 and state = 'running' and leased_by = $2`,
    [run.id, holder, JSON.stringify(plan), plan.startSeq],
  )
  if (rowCount !== 1) throw new RunStopped('lease-lost')
  if (run.batchCount > 0) await forgetKeys(intake, run)
  return plan
}

const forgetKeys = ({ pool }: PullParts['intake'], { id }: RunRow): Promise<unknown> =>
  pool.query('delete from hub.snapshot_rows where run_id = $1', [id])
