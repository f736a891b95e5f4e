import { mkdtemp, rm, utimes, writeFile, mkdir, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import type {
  ReadBounds,
  Source,
  SourceBlock,
  UnitReceipt,
} from '../../../src/connectors/contract.ts'

export const everything: ReadBounds = {
  cursor: null,
  after: null,
  upTo: null,
  overlap: 0,
  range: null,
}

export interface TestFolder {
  dir: string
  /** Writes a file whose time lies `ageSeconds` back. */
  put(name: string, content: string | Uint8Array, ageSeconds?: number): Promise<void>
  /** Every file below, in name order. */
  list(): Promise<string[]>
  remove(): Promise<void>
}

export async function openFolder(): Promise<TestFolder> {
  const dir = await mkdtemp(join(tmpdir(), 'shuqiao-files-'))
  return {
    dir,
    async put(name, content, ageSeconds = 3600) {
      const path = join(dir, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
      const at = Math.floor(Date.now() / 1000) - ageSeconds
      await utimes(path, at, at)
    },
    async list() {
      const entries = await readdir(dir, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => relative(dir, join(parentPath, name)))
        .toSorted()
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

export async function blocksOf(
  source: Source,
  more: Partial<ReadBounds> = {},
): Promise<SourceBlock[]> {
  const blocks: SourceBlock[] = []
  for await (const block of source.read({ ...everything, ...more })) blocks.push(block)
  return blocks
}

export const rowsOf = (blocks: readonly SourceBlock[]) => blocks.flatMap(({ rows }) => rows)

export const cellsOf = (blocks: readonly SourceBlock[], column: string): unknown[] =>
  rowsOf(blocks).map(({ row }) => row?.[column])

/** A position as the hub keeps it: JSON. */
export const positionOf = (block: SourceBlock | undefined, count?: number) =>
  JSON.parse(JSON.stringify(block?.positionAfter(count ?? block.rows.length) ?? null))

export const receiptOf = (unit: string | null, more: Partial<UnitReceipt> = {}): UnitReceipt => ({
  unit: unit ?? '',
  runId: 'run-1',
  readCount: 1,
  landedCount: 1,
  flaggedCount: 0,
  rejectedCount: 0,
  rejects: (async function* () {})(),
  ...more,
})
