import type { ClientBase } from 'pg'
import type { Position, SourceBlock } from '../../connectors/contract.ts'
import type { Batch } from '../intake/batch.ts'
import type { Landing } from '../intake/land-batch.ts'
import { landingSession } from '../intake/landing-session.ts'
import { intakeLimits } from '../intake/limits.ts'
import { keepKeys } from '../intake/snapshot-rows.ts'
import {
  addToTally,
  atBeginning,
  type Checkpoint,
  keepCheckpoint,
  type UnitTally,
} from './pull-checkpoint.ts'
import type { PullParts } from './pull-parts.ts'
import { movesPosition, type Planned } from './pull-plan.ts'
import { acknowledgeUnits, keepUnit } from './units.ts'

/** A block whose rows have not all been handed on yet. */
interface OpenBlock {
  /** The run's line of its first row. */
  firstLine: number
  rowCount: number
  unit: string | null
  /** The connector's own line of each row, where it means something: in a file, in an exchange batch. */
  lines: Float64Array | null
  positionAfter: SourceBlock['positionAfter']
}

/** What stands behind the last row of a batch. */
interface Seam {
  line: number
  position: Position | null
  unit: string | null
  isUnitEnd: boolean
}

/** Where a run stands, and what goes with it when it moves. */
interface Standing {
  checkpoint: Checkpoint
  /** Of the unit under way; ahead of the checkpoint's where rows have no position. */
  tally: UnitTally | null
}

export interface PullFlow {
  /** Takes note of a block; answers the run's line of its first row. */
  open(block: SourceBlock): number
  isFull(collectedCount: number): boolean
  /** Hands a batch on: it lands while the next is collected. */
  hand(batch: Batch, end: { isUnitEnd: boolean }): Promise<void>
  /** Waits for the batch under way. */
  settled(): Promise<void>
  checkpoint(): Checkpoint
  /** Rows handed on by this claim of the run. */
  handedCount(): number
}

/** Lands the batches of a pull one after the other, each with the checkpoint behind its last row. */
export function pullFlow(parts: PullParts, planned: Planned): PullFlow {
  const { run } = planned
  const session = sessionOf(parts, planned)
  const book = openBook(run.counts.read)
  let number = run.batchCount
  let byteCount = run.byteCount
  let bytesHanded = byteCount
  let landing: Promise<void> = Promise.resolve()
  const checkpoint = planned.checkpoint ?? atBeginning
  let standing: Standing = { checkpoint, tally: checkpoint.unit }

  const land = async (toLand: { batch: Batch; seam: Seam; number: number; byteCount: number }) => {
    let next = standing
    await session.land({
      ...toLand,
      endByte: null,
      prefixDigest: null,
      alongside: async (client, landed) => {
        next = standingBehind(standing, { ...toLand, landed, run: parts.run })
        await keepStanding(client, { parts, planned, next, ...toLand, landed, before: standing })
      },
    })
    standing = next
    if (toLand.seam.isUnitEnd) await acknowledgeUnits(parts)
  }

  return {
    open: (block) => {
      byteCount += block.byteCount
      return book.open(block, parts.pipeline.mapping.joins)
    },
    isFull: (collectedCount) =>
      collectedCount >= intakeLimits.batchRowsMax ||
      byteCount - bytesHanded >= intakeLimits.batchBytesMax,
    hand: async (batch, { isUnitEnd }) => {
      if (batch.readCount === 0 && !isUnitEnd) return
      const seam = { ...book.close(batch), isUnitEnd }
      const bytes = byteCount
      await landing
      number += 1
      bytesHanded = bytes
      landing = land({ batch, seam, number, byteCount: bytes })
      // A failure is met at the next `await landing`; until then nobody else may call it unhandled.
      landing.catch(() => undefined)
    },
    settled: () => landing,
    checkpoint: () => standing.checkpoint,
    handedCount: () => book.handedCount(),
  }
}

const sessionOf = ({ intake, resource, pipeline }: PullParts, { run, plan }: Planned) =>
  landingSession(intake, {
    runId: run.id,
    resource,
    isDry: false,
    isSnapshot: false,
    joins: pipeline.mapping.joins,
    notAfter: null,
    expectNew: plan.startSeq === 0,
  })

/** Which rows have come, which of them have been handed on, and what lies behind them. */
function openBook(linesBefore: number) {
  let opened = linesBefore
  let handed = linesBefore
  let blocks: OpenBlock[] = []
  let last: OpenBlock | null = null
  /** A row of it has been handed on, or it has none and stands right behind the last that was. */
  const isReached = ({ firstLine, rowCount }: OpenBlock): boolean =>
    rowCount === 0 ? handed >= firstLine - 1 : handed >= firstLine
  return {
    handedCount: () => handed - linesBefore,
    open: (block: SourceBlock, joins: boolean): number => {
      const firstLine = opened + 1
      opened += block.rows.length
      last = {
        firstLine,
        rowCount: block.rows.length,
        unit: block.unit,
        lines: block.unit === null ? null : Float64Array.from(block.rows, ({ line }) => line),
        positionAfter: (count) => block.positionAfter(count),
      }
      // Only rows that are joined may stay behind: else what counts is the end of the last block.
      if (joins || block.unit !== null) blocks.push(last)
      return firstLine
    },
    close: (batch: Batch): Omit<Seam, 'isUnitEnd'> => {
      handed += batch.readCount
      nameUnits(batch, blocks)
      const behind = blocks.length > 0 ? blocks.findLast(isReached) : last
      blocks = blocks.filter(({ firstLine, rowCount }) => handed < firstLine + rowCount - 1)
      if (behind == null) return { line: handed, position: null, unit: null }
      const position = behind.positionAfter(Math.max(0, handed - behind.firstLine + 1))
      return { line: handed, position, unit: behind.unit }
    },
  }
}

/** Rejects of files and exchange batches say where they stand there. */
function nameUnits(batch: Batch, blocks: readonly OpenBlock[]): void {
  for (const reject of batch.rejects) {
    const block = blocks.find(
      ({ firstLine, rowCount }) => reject.line >= firstLine && reject.line < firstLine + rowCount,
    )
    if (block?.lines == null) continue
    reject.unit = block.unit
    reject.unitLine = block.lines[reject.line - block.firstLine] ?? null
  }
}

function standingBehind(
  { checkpoint, tally }: Standing,
  { seam, landed }: { seam: Seam; landed: Landing; run: PullParts['run'] },
): Standing {
  const added = addToTally(tally, seam.unit, landed.counts)
  const open = seam.isUnitEnd ? null : added
  if (seam.position === null && !seam.isUnitEnd) return { checkpoint, tally: open }
  return {
    checkpoint: {
      ...checkpoint,
      position: seam.position ?? checkpoint.position,
      line: seam.line,
      unit: open,
    },
    tally: open,
  }
}

interface Kept {
  parts: PullParts
  planned: Planned
  batch: Batch
  seam: Seam
  landed: Landing
  before: Standing
  next: Standing
}

/** Everything that must be so once the batch has landed, and only then. */
async function keepStanding(client: ClientBase, kept: Kept): Promise<void> {
  const { parts, planned, batch, seam, next } = kept
  const { run, plan } = planned
  const { position } = seam
  if (next.checkpoint !== kept.before.checkpoint) {
    if (position !== null) next.checkpoint.words = parts.source.inWords(position)
    await keepCheckpoint(client, { id: run.id, holder: parts.holder }, next.checkpoint)
  }
  if (position !== null && movesPosition(run)) {
    await client.query('update hub.syncs set position = $2 where id = $1', [
      parts.sync.id,
      JSON.stringify(position),
    ])
  }
  if (plan.keepsKeys) await keepKeys(client, run.id, namedBy(batch))
  const tally = addToTally(kept.before.tally, seam.unit, kept.landed.counts)
  if (seam.isUnitEnd && tally !== null) await keepUnit(client, run.id, tally)
}

/** A rejected row's key counts as present, as its record is not the source's to have lost. */
const namedBy = ({ layers, rejects }: Batch): { key: string }[] => [
  ...layers.flat(),
  ...rejects.flatMap(({ key, standing }) => (standing && key !== null ? [{ key }] : [])),
]
