import { Refusal } from '../../shared/refusal.ts'
import type {
  ConnectorContext,
  ReadBounds,
  Source,
  SourceBlock,
  SourceColumn,
} from '../contract.ts'
import { archiveUnit } from './archive-unit.ts'
import {
  type FilePosition,
  filePositionInWords,
  readFilePosition,
  type Taken,
  unitOf,
} from './file-position.ts'
import { emptyDigest, type FileBlock, fileRows, type FileRows } from './file-rows.ts'
import {
  type FolderStore,
  isSameStamp,
  type RowFileSettings,
  type StoredFile,
} from './folder-store.ts'
import type { StoredBytes } from './stored-zip.ts'
import { findWholeFiles } from './whole-files.ts'

/** Files that are remembered as taken; with `archive` they are moved away instead. */
export const takenFilesMax = 1000

interface Folder {
  store: FolderStore
  settings: RowFileSettings
  signal: AbortSignal | undefined
}

/**
 * Files of a store as a source: one (`path`) or those of a drop folder (`glob`), each a unit. Cursors do
 * not apply; in between runs files are known by name, size, time and digest.
 */
export function folderSource(
  store: FolderStore,
  settings: RowFileSettings,
  context: Pick<ConnectorContext, 'signal'>,
): Source {
  const folder: Folder = { store, settings, signal: context.signal }
  return {
    async describe() {
      const { whole } = await findWholeFiles(store, settings, context.signal)
      const [first] = whole
      const columns = first === undefined ? null : await columnsOf(folder, first)
      return { columns: columns?.map(textColumn) ?? null, keys: [], rowEstimate: null }
    },
    newest: async () => null,
    count: async () => null,
    read: (bounds) => readFiles(folder, bounds),
    inWords: filePositionInWords,
    acknowledge: (receipt) =>
      archiveUnit({ store, settings, columnsOf: (file) => columnsOf(folder, file) }, receipt),
    close: () => store.close(),
  }
}

const textColumn = (name: string): SourceColumn => ({
  name,
  nativeType: 'text',
  type: 'text',
  isNullable: true,
})

/** The header's names; null where the format has none. */
export async function columnsOf(
  { store, settings }: Pick<Folder, 'store' | 'settings'>,
  file: StoredFile,
): Promise<readonly string[] | null> {
  if (settings.format === 'json' || settings.format === 'ndjson') return null
  const rows = fileRows(contentOf(store, file), file.name, settings)
  for await (const _ of rows) break
  return rows.columns
}

async function* readFiles(folder: Folder, bounds: ReadBounds): AsyncGenerator<SourceBlock> {
  if (bounds.range !== null) throw noRange()
  const after = readFilePosition(bounds.after)
  const { names, whole } = await findWholeFiles(folder.store, folder.settings, folder.signal)
  let taken = (after?.taken ?? []).filter(({ name }) => names.has(name))
  for (const file of whole) {
    if (await isTaken(folder, file, taken)) continue
    const others = taken.filter(({ name }) => name !== file.name)
    if (others.length >= takenFilesMax) throw tooManyTaken()
    const isBegun = after?.file === file.name && isSameStamp(after, file) && !after.isWhole
    const digest = yield* readUnit(folder, { file, taken: others }, isBegun ? after : null)
    taken = [...others, takenOf(file, digest)]
  }
}

const takenOf = ({ name, size, modifiedAtMs }: StoredFile, digest: string): Taken => ({
  name,
  size,
  modifiedAtMs,
  digest,
})

/**
 * Whether a file was taken before. One whose time alone is new may have been copied again: its content
 * decides, unless taken files are moved away; then whatever lies there anew is a new delivery.
 */
async function isTaken(
  { store, settings }: Folder,
  file: StoredFile,
  taken: readonly Taken[],
): Promise<boolean> {
  const known = taken.find(({ name }) => name === file.name)
  if (known === undefined || known.size !== file.size) return false
  if (isSameStamp(known, file)) return true
  if (settings.archive !== undefined) return false
  let digest = emptyDigest
  for await (const block of fileRows(contentOf(store, file), file.name, settings)) {
    digest = block.digest
  }
  return digest === known.digest
}

interface Unit {
  file: StoredFile
  taken: readonly Taken[]
}

/** Answers the digest of the file's rows. The last block is held back until the file proves unchanged. */
async function* readUnit(
  folder: Folder,
  unit: Unit,
  from: FilePosition | null,
): AsyncGenerator<SourceBlock, string> {
  const { file } = unit
  const rows: FileRows = fileRows(contentOf(folder.store, file), file.name, folder.settings)
  let beginRow = 0
  let digest = emptyDigest
  let held: SourceBlock | null = null
  for await (const block of rows) {
    folder.signal?.throwIfAborted()
    if (from?.digestRows === beginRow && from.digest !== digest) {
      return yield* readUnit(folder, unit, null)
    }
    const place: Place = { unit, block, beginRow, beginDigest: digest }
    beginRow += block.rows.length
    digest = block.digest
    const skipCount = Math.max(0, (from?.rows ?? 0) - place.beginRow)
    if (skipCount >= block.rows.length) continue
    if (held) yield held
    held = blockOf(place, skipCount)
  }
  if (from !== null && beginRow < from.rows) throw changed(file)
  const now = await folder.store.stat(file.path)
  if (!now || !isSameStamp(now, file)) throw changed(file)
  yield lastBlock(held, { ...unit, rowCount: beginRow, digest })
  return digest
}

interface Place {
  unit: Unit
  block: FileBlock
  beginRow: number
  beginDigest: string
}

function blockOf({ unit, block, beginRow, beginDigest }: Place, skipCount: number): SourceBlock {
  const { file, taken } = unit
  const { name, size, modifiedAtMs } = file
  return {
    rows: skipCount === 0 ? block.rows : block.rows.slice(skipCount),
    byteCount: block.byteCount,
    unit: unitOf(file),
    isUnitEnd: false,
    positionAfter(count) {
      const rows = beginRow + skipCount + count
      const isBlockEnd = skipCount + count === block.rows.length
      const position: FilePosition = {
        file: name,
        size,
        modifiedAtMs,
        rows,
        digest: isBlockEnd ? block.digest : beginDigest,
        digestRows: isBlockEnd ? rows : beginRow,
        isWhole: false,
        taken: [...taken],
      }
      return position
    },
  }
}

/** The unit's end; without rows where the file has none, or all of them had been read before. */
function lastBlock(
  held: SourceBlock | null,
  { file, taken, rowCount, digest }: Unit & { rowCount: number; digest: string },
): SourceBlock {
  const rows = held?.rows ?? []
  const { name, size, modifiedAtMs } = file
  const end: FilePosition = {
    file: name,
    size,
    modifiedAtMs,
    rows: rowCount,
    digest,
    digestRows: rowCount,
    isWhole: true,
    taken: [...taken, takenOf(file, digest)],
  }
  return {
    rows,
    byteCount: held?.byteCount ?? 0,
    unit: unitOf(file),
    isUnitEnd: true,
    positionAfter: (count) => (count === rows.length ? end : (held?.positionAfter(count) ?? end)),
  }
}

/** The file's bytes; fewer than it had when it was found are no end of it. */
function contentOf(store: FolderStore, file: StoredFile): StoredBytes {
  return {
    size: file.size,
    async *stream(from, to) {
      const end = Math.min(to, file.size)
      let byteCount = 0
      for await (const chunk of store.read(file.path, from, end)) {
        byteCount += chunk.length
        yield chunk
      }
      if (byteCount < end - from) throw changed(file)
    },
  }
}

const changed = ({ name }: StoredFile): Refusal =>
  new Refusal(
    'source-unreachable',
    `文件“${name}”在读取过程中发生变化或中断,稍后再试 / The file “${name}” changed or broke off while it was read; it is tried again`,
  )

const noRange = (): Refusal =>
  new Refusal(
    'request-invalid',
    '文件来源不支持按范围回补,请重新投放文件 / A file source has no ranges to fill in; put the file there again',
  )

const tooManyTaken = (): Refusal =>
  new Refusal(
    'state-conflict',
    `投放目录中已取走的文件超过 ${takenFilesMax} 个;请设置 archive 目录或清理 / More than ${takenFilesMax} files that were taken still lie in the folder; set \`archive\`, or clear it`,
  )
