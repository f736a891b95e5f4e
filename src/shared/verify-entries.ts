import { bundleFaults } from './proofs/bundle-faults.ts'
import { idsOfBundle, openBundle, type OpenBundle } from './proofs/bundles.ts'
import {
  boundsOfMonth,
  type EntryHead,
  isInMonth,
  type MonthBounds,
  openInstants,
} from './proofs/entries.ts'
import { countOf, type ExportManifest } from './proofs/export-manifest.ts'
import type { Fault, Findings } from './proofs/findings.ts'
import { findRepeated, type IdWatch, watchIds } from './proofs/repeated-ids.ts'
import { notInTree, tileFault } from './proofs/tile-faults.ts'
import { fullTileRoot } from './proofs/tile-hashes.ts'
import {
  hashBytes,
  numbersOf,
  positionsIn,
  type Range,
  tilePath,
  tilesNeeded,
  tilesOver,
  tileWidth,
  widthOf,
} from './proofs/tile-paths.ts'
import { isBad, parentHash, type Tiles } from './proofs/tree-from-tiles.ts'
import type { ExportFiles } from './proofs/export-files.ts'
import { type FactsCheck, openFactsCheck } from './verify-facts.ts'

export interface EntriesCall {
  findings: Findings
  files: ExportFiles
  tiles: Tiles
  manifest: ExportManifest
  tell: (done: number, total: number) => void
}

type Fail = (fault: Fault) => void

interface Walk extends EntriesCall {
  bounds: MonthBounds
  isOwnInstant: (head: EntryHead) => boolean
  /** Whether a position is the month's; asked in order. */
  isOfMonth: (position: number) => boolean
  ids: IdWatch
  facts: FactsCheck | null
  failLeaf: Fail
  failEntry: Fail
  failMonth: Fail
}

/**
 * Checks every bundle against its tile, and every tile of leaves against the level above: then what the
 * entries are: ids that stand once, with the time that they name, of the month where the manifest says so.
 */
export async function verifyEntries(call: EntriesCall): Promise<void> {
  const { findings, manifest, tiles } = call
  const walk: Walk = {
    ...call,
    bounds: boundsOfMonth(manifest.month),
    isOwnInstant: openInstants(),
    isOfMonth: positionsIn(manifest.ranges),
    ids: watchIds(0),
    failLeaf: findings.check('叶瓦片', 'tiles of leaves'),
    failEntry: findings.check('条目内容', 'entries'),
    failMonth: findings.check(`所属月份 ${manifest.month}`, `month ${manifest.month}`),
    facts: openFactsCheck(call),
  }
  if (countOf(manifest.ranges) !== manifest.entryCount) walk.failMonth(wrongCount(manifest))
  const bundles = tilesOver(manifest.ranges)
  const hasBundle = positionsIn(bundles)
  const total = countOf(bundles) * tileWidth
  let done = 0
  for (const number of numbersOf(
    tilesNeeded(manifest.ranges, manifest.checkpointSizes, tiles.size)[0] ?? [],
  )) {
    const tile = await checkTile(walk, number)
    if (!hasBundle(number)) continue
    await checkBundle(walk, number, tile)
    done += tileWidth
    call.tell(Math.min(done, total), total)
  }
  await walk.facts?.close()
  await checkIds(walk, bundles)
  tellGaps(findings, bundles)
}

/** The hashes of the leaves as the tree has them; null where they are not to be had. */
async function checkTile({ tiles, failLeaf }: Walk, number: number): Promise<Buffer | null> {
  const tile = await tiles.read(0, number)
  if (isBad(tile)) {
    failLeaf(tileFault(tile))
    return null
  }
  if (tile.length < tileWidth * hashBytes) return tile
  const parent = await parentHash(tiles, 0, number)
  if (!isBad(parent) && !fullTileRoot(tile).equals(parent)) {
    failLeaf({ ...notInTree, path: tiles.path(0, number), position: number * tileWidth })
  }
  return tile
}

async function checkBundle(walk: Walk, number: number, tile: Buffer | null): Promise<void> {
  const { files, tiles, failEntry } = walk
  const width = widthOf(0, number, tiles.size)
  const path = tilePath({ level: 'entries', number, width })
  const bytes = await files.read(path)
  const position = number * tileWidth
  if (bytes === null) {
    failEntry({ zh: '条目包缺失', en: 'the bundle is missing', path, position })
    return
  }
  const bundle = openBundle(bytes, width)
  if (bundle.rest !== 'none' || bundle.count < width) failEntry(wrongLength(bundle, path, position))
  if (tile !== null && !bundle.hashes.equals(tile)) {
    for (const fault of bundleFaults({ path, bundle, position, tile })) failEntry(fault)
  }
  for (let index = 0; index < bundle.count; index += 1) {
    const head = bundle.head(index)
    const at = position + index
    if (head === null) failEntry({ ...noEntry, path, position: at })
    else checkHead(walk, head, at)
    if (walk.facts !== null && walk.facts.wants(at)) await walk.facts.check(at, bundle.bytes(index))
  }
}

function checkHead(walk: Walk, head: EntryHead, position: number): void {
  const { id } = head
  const isOfMonth = walk.isOfMonth(position)
  if (isOfMonth !== isInMonth(head, walk.bounds)) {
    walk.failMonth({ ...(isOfMonth ? otherMonth : leftOut), position, entryId: id })
  }
  if (!walk.isOwnInstant(head)) walk.failEntry({ ...otherInstant, position, entryId: id })
  walk.ids.pass(id, position)
}

async function checkIds({ findings, files, tiles, ids }: Walk, bundles: readonly Range[]) {
  const fail = findings.check('编号不重复', 'no id twice')
  const walkIds = async (pass: (id: string, position: number) => void): Promise<void> => {
    for (const number of numbersOf(bundles)) {
      const width = widthOf(0, number, tiles.size)
      const bytes = await files.read(tilePath({ level: 'entries', number, width }))
      const found = bytes === null ? [] : idsOfBundle(bytes)
      for (const [index, id] of found.entries()) if (id !== '') pass(id, number * tileWidth + index)
    }
  }
  await findRepeated(ids, walkIds, ({ id, first, again }) =>
    fail({
      zh: `编号重复:首次在位置 ${first}`,
      en: `the id stands twice: first at position ${first}`,
      position: again,
      entryId: id,
    }),
  )
}

/** Between the month's own bundles an export need not be whole: what lies there is another month's. */
function tellGaps(findings: Findings, bundles: readonly Range[]): void {
  for (const [index, [from]] of bundles.entries()) {
    const before = bundles[index - 1]?.[1]
    if (before === undefined) continue
    const [first, last] = [before * tileWidth, from * tileWidth - 1]
    findings.notice(
      `位置 ${first} 至 ${last} 不在本导出中:据清单其中没有本月条目,可由相邻月份的导出核对`,
      `positions ${first} to ${last} are not in this export: by the manifest none of them is the month's; exports of other months show them`,
    )
  }
}

const wrongLength = ({ count, rest }: OpenBundle, path: string, position: number): Fault => ({
  zh: rest === 'too-long' ? '条目包末尾有多余内容' : `条目包不完整:只有 ${count} 条`,
  en:
    rest === 'too-long'
      ? 'the bundle goes on behind its last entry: padded'
      : `the bundle holds only ${count} entries: cut off`,
  path,
  position: position + count,
})

const wrongCount = ({ entryCount, ranges }: ExportManifest): Fault => ({
  zh: `清单的条数 ${entryCount} 与位置范围的 ${countOf(ranges)} 不符`,
  en: `the manifest says ${entryCount} entries, its ranges hold ${countOf(ranges)}`,
})

const noEntry = { zh: '不是日志条目', en: 'these bytes are no entry of the log' }
const otherMonth = {
  zh: '条目编号的时间不在本月',
  en: "the time in the entry's id lies outside the month",
}
const leftOut = {
  zh: '条目属于本月,清单的位置范围却没有它',
  en: "the entry is of the month, and the manifest's ranges leave it out",
}
const otherInstant = {
  zh: '编号中的时间与条目的 readyAt 不符',
  en: "the time in the entry's id is not its readyAt",
}
