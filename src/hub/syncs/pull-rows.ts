import type { SourceBlock } from '../../connectors/contract.ts'
import type { DecodedRow, SourceRow } from '../../exchange/types.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Batcher } from '../intake/batcher.ts'
import { columnWatch } from '../intake/column-watch.ts'
import { batcherFor } from '../intake/push-rows.ts'
import { runStore } from '../intake/runs.ts'
import { addUnmapped } from '../intake/unmapped.ts'
import { watchErrors } from './error-limits.ts'
import { type Checkpoint, keepCheckpoint } from './pull-checkpoint.ts'
import { pullFlow, type PullFlow } from './pull-flow.ts'
import { pullLimits } from './pull-limits.ts'
import { openPace, pause } from './pull-pace.ts'
import type { PullParts } from './pull-parts.ts'
import type { Planned } from './pull-plan.ts'
import { watchedBlocks } from './pull-watch.ts'
import type { RunOutcome } from './run-work.ts'
import { withChildren } from './source-children.ts'
import { syncLimits } from './limits.ts'
import { windowState } from './windows.ts'

/** How reading the source came out. */
export type Reading =
  | { kind: 'read'; readCount: number; checkpoint: Checkpoint }
  | Extract<RunOutcome, { kind: 'yielded' }>

/** What collects rows and hands them on. */
interface Intake {
  batcher: Batcher
  flow: PullFlow
  /** Hands on what was collected; `isWhole`: no further row belongs to any of it. */
  hand(end: { isWhole: boolean; isUnitEnd: boolean }): Promise<void>
  /** Hands on rows that have waited for long enough. */
  handOld(): Promise<void>
}

/**
 * Reads the source within the run's bounds and lands its rows in batches; while one is merged the next is
 * collected. Ends early between two batches where the run has to make room: its window closes, or it is
 * too large for its lane.
 */
export async function pullRows(parts: PullParts, planned: Planned): Promise<Reading> {
  const intake = openIntake(parts, planned)
  const columns = watchColumns(parts, planned)
  try {
    return await readAll(parts, planned, { intake, columns })
  } catch (error) {
    await keepWhatCame(error, intake)
    throw error
  } finally {
    await noteSeen(parts, planned, columns.seen())
  }
}

interface Reader {
  intake: Intake
  columns: ReturnType<typeof watchColumns>
}

async function readAll(parts: PullParts, planned: Planned, reader: Reader): Promise<Reading> {
  const { intake, columns } = reader
  const { batcher, flow } = intake
  const pace = openPace(parts.sync.limits.rowsPerSecond, () => performance.now())
  const watch = { ...parts.watch, onIdle: () => intake.handOld() }
  let unit: string | null = null
  for await (const given of watchedBlocks(parts.source.read(planned.bounds), watch)) {
    const block = await withChildren(parts, given)
    if (block.unit !== unit) await endUnit(intake, unit)
    unit = block.unit
    columns.see(block)
    collect(batcher, rowShape(parts, planned, block), { block, firstLine: flow.open(block) })
    const owedMs = pace.owed(block.rows.length)
    if (block.isUnitEnd) {
      await intake.hand({ isWhole: true, isUnitEnd: true })
      unit = null
    } else if (flow.isFull(batcher.readCount) || owedMs > pullLimits.batchWaitMs) {
      await intake.hand({ isWhole: false, isUnitEnd: false })
    } else await intake.handOld()
    const left = mustLeave(parts, planned, flow)
    if (left !== null) return await leave(intake, left)
    // Rows that are at hand already would else be mapped on while the database waits for its next bytes.
    if (owedMs > 0) await pause(owedMs, parts.watch.signal)
    else await turn()
  }
  return finish(parts, planned, intake)
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A unit that another follows has ended, whether or not its source said so. */
async function endUnit(intake: Intake, unit: string | null): Promise<void> {
  if (unit !== null) await intake.hand({ isWhole: true, isUnitEnd: true })
}

function openIntake(parts: PullParts, planned: Planned): Intake {
  const { run } = planned
  const batcher = batcherFor(parts.resource, parts.pipeline, run.mode)
  const flow = pullFlow(parts, planned)
  const errors = watchErrors(parts.sync.errorLimit, run.counts)
  let handedAt = performance.now()
  const hand: Intake['hand'] = async ({ isWhole, isUnitEnd }) => {
    const batch = isWhole ? batcher.take() : batcher.takeWhole()
    errors.check(batch)
    if (isWhole && !isUnitEnd) errors.finish()
    handedAt = performance.now()
    await flow.hand(batch, { isUnitEnd })
  }
  return {
    batcher,
    flow,
    hand,
    handOld: async () => {
      const isOld = performance.now() - handedAt >= pullLimits.batchWaitMs
      if (batcher.readCount > 0 && isOld) await hand({ isWhole: false, isUnitEnd: false })
    },
  }
}

async function finish(parts: PullParts, planned: Planned, intake: Intake): Promise<Reading> {
  await intake.hand({ isWhole: true, isUnitEnd: false })
  await intake.flow.settled()
  const { sourceCount, plan, run } = planned
  const readBefore = run.counts.read - plan.readBase
  const readCount = intake.flow.handedCount()
  const checkpoint = {
    ...intake.flow.checkpoint(),
    // Also rows without a position of their own lie before it now: nobody will read them again.
    line: run.counts.read + readCount,
    isRead: true,
    sourceCount: sourceCount === null ? null : sourceCount + readBefore,
  }
  await keepCheckpoint(parts.intake.pool, { id: run.id, holder: parts.holder }, checkpoint)
  return { kind: 'read', readCount, checkpoint }
}

type Left = Extract<RunOutcome, { kind: 'yielded' }>

/** Whether the run has to make room for others, or for its department's working hours. */
function mustLeave(parts: PullParts, { run }: Planned, flow: PullFlow): Left | null {
  const { sync, clock } = parts
  const window = windowState(sync.limits.windows, sync.timezone, clock.now())
  if (!window.isOpen) return { kind: 'yielded', notBefore: window.changesAt, lane: run.lane }
  const isLarge = run.lane === 'small' && flow.handedCount() >= syncLimits.smallRunRowsMax
  return isLarge ? { kind: 'yielded', notBefore: null, lane: 'large' } : null
}

/** Rows that wait for others of their record are read again: their checkpoint is before them. */
async function leave(intake: Intake, left: Left): Promise<Left> {
  await intake.hand({ isWhole: false, isUnitEnd: false })
  await intake.flow.settled()
  return left
}

/**
 * The batch under way commits or rolls back before the run is called anything else. Of a source that was
 * lost, the rows that had come land too: a line that breaks again and again would else never get anywhere.
 */
async function keepWhatCame(error: unknown, intake: Intake): Promise<void> {
  const isLost = error instanceof Refusal && error.code === 'source-unreachable'
  try {
    await intake.flow.settled()
    if (isLost) await intake.hand({ isWhole: false, isUnitEnd: false })
    await intake.flow.settled()
  } catch {
    // The first error is the one to tell.
  }
}

type RowShape = (row: SourceRow) => SourceRow

/**
 * Without a mapping a column that is no field would refuse its row, as it does when a caller pushes it. A
 * table has the columns it has: those that nobody named are drift, and left out.
 */
function rowShape(parts: PullParts, { columns }: Planned, block: SourceBlock): RowShape | null {
  const { hasMapping, pipeline } = parts
  if (hasMapping || columns === null) return null
  // Each file has a header of its own.
  const own = block.unit === null ? columns.map(({ name }) => name) : namesOf(block)
  const named = own.filter((name) => pipeline.mapping.columns.has(name))
  if (named.length === own.length) return null
  return (row) => Object.fromEntries(named.map((name) => [name, row[name]]))
}

const namesOf = ({ rows }: SourceBlock): string[] =>
  Object.keys(rows.find(({ row }) => row !== undefined)?.row ?? {})

function collect(
  batcher: Batcher,
  shape: RowShape | null,
  { block, firstLine }: { block: SourceBlock; firstLine: number },
): void {
  let line = firstLine
  for (const row of block.rows) {
    batcher.add(lined(row, line, shape))
    line += 1
  }
}

const lined = (row: DecodedRow, line: number, shape: RowShape | null): DecodedRow =>
  row.row === undefined
    ? { line, fault: row.fault, raw: row.raw }
    : { line, row: shape === null ? row.row : shape(row.row) }

/** Where the store has no columns before its rows, the first block of each file tells them. */
function watchColumns({ pipeline, cells }: PullParts, { columns, drift }: Planned) {
  const mediaType = cells === 'text' ? 'text/csv' : 'application/x-ndjson'
  let watch = columnWatch(pipeline.mapping, mediaType)
  let unit: string | null = null
  const seen = new Set(drift)
  let names = columns?.map(({ name }) => name) ?? null
  return {
    see: (block: SourceBlock): void => {
      if (columns !== null && block.unit === null) return
      if (block.unit !== unit) watch = columnWatch(pipeline.mapping, mediaType)
      unit = block.unit
      watch.see(null, { rows: block.rows.slice(0, 1000), endByte: 0 })
      const told = watch.seen()
      names ??= told.columns
      for (const one of told.drift) seen.add(one)
    },
    seen: () => ({ columns: names, drift: [...seen], mediaType }),
  }
}

/** Also a run that failed tells its columns: its rejects are given back in them. */
const noteSeen = (
  { intake, pipeline }: PullParts,
  { run }: Planned,
  seen: { columns: string[] | null; drift: string[]; mediaType: string },
): Promise<unknown> =>
  runStore(intake.pool)
    .note(run.id, { ...seen, unmapped: addUnmapped(run.unmapped, pipeline.mapping.unmapped()) })
    // What the run saw is told beside what it did: no reason to fail it.
    .catch(() => undefined)
