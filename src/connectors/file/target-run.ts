import { basename } from 'node:path'
import { Refusal } from '../../shared/refusal.ts'
import type { TargetBatch, TargetRow } from '../contract.ts'
import { removeManifest, writeManifest } from './manifest.ts'
import { openPartial } from './target-partial.ts'
import { openRowWriter, type TargetFormat } from './write-rows.ts'

export interface RunFileOptions {
  delivery: string
  format: TargetFormat
  columns: readonly string[]
  sheet: string | undefined
  /** Where the partial file lies. */
  folder: string
  rowOf(row: TargetRow): readonly unknown[]
}

/** The file of one run, from its first batch until it is in place. */
export interface RunFile {
  readonly runId: string
  readonly rowCount: number
  readonly isPlaced: boolean
  /** `rows` are those of the batch that the file shows. */
  write(batch: TargetBatch, rows: readonly TargetRow[]): Promise<void>
  place(path: string, end: PlacedEnd): Promise<void>
  discard(): Promise<void>
}

export interface PlacedEnd {
  content: 'full' | 'changes'
  at: Date
  checkpoint: string | null
}

/** What the manifest says of the rows. */
interface RowFacts {
  rowCount: number
  deletedCount: number
  fromSeq: number | null
  throughSeq: number | null
}

export async function openRunFile(
  { delivery, format, columns, sheet, folder, rowOf }: RunFileOptions,
  runId: string,
): Promise<RunFile> {
  const partial = await openPartial(folder, delivery)
  const writer = openRowWriter(format, { columns, sheet, append: partial.append })
  let facts: RowFacts = { rowCount: 0, deletedCount: 0, fromSeq: null, throughSeq: null }
  let lastNumber = 0
  let state: 'open' | 'broken' | 'placed' = 'open'
  return {
    runId,
    get rowCount() {
      return facts.rowCount
    },
    get isPlaced() {
      return state === 'placed'
    },
    write: async ({ number }, rows) => {
      if (state !== 'open') throw broken()
      if (number === lastNumber) return
      if (number < lastNumber) throw older(number, lastNumber)
      // A batch of which only a part was written must not be followed by another.
      state = 'broken'
      await writer.write(rows.map(rowOf))
      state = 'open'
      lastNumber = number
      facts = withRows(facts, rows)
    },
    place: async (path, { content, at, checkpoint }) => {
      if (state !== 'open') throw broken()
      state = 'broken'
      await writer.end()
      await partial.seal()
      await removeManifest(path)
      const whole = await partial.place(path)
      const names = { delivery, runId, file: basename(path), format, content }
      const createdAt = at.toISOString()
      await writeManifest(path, { ...names, ...facts, ...whole, createdAt, checkpoint })
      state = 'placed'
    },
    discard: () => partial.discard(),
  }
}

function withRows(facts: RowFacts, rows: readonly TargetRow[]): RowFacts {
  let { fromSeq, throughSeq, deletedCount } = facts
  for (const { seq, operation } of rows) {
    fromSeq = fromSeq === null ? seq : Math.min(fromSeq, seq)
    throughSeq = throughSeq === null ? seq : Math.max(throughSeq, seq)
    if (operation === 'delete') deletedCount += 1
  }
  return { rowCount: facts.rowCount + rows.length, deletedCount, fromSeq, throughSeq }
}

const broken = (): Refusal =>
  new Refusal(
    'state-conflict',
    '此次运行的文件已中断,须重新开始 / The file of this run is broken; the run begins anew',
  )

const older = (number: number, lastNumber: number): Refusal =>
  new Refusal(
    'state-conflict',
    `文件已写到第 ${lastNumber} 批,不再接受第 ${number} 批 / The file has batch ${lastNumber}; batch ${number} is older`,
  )
