import { posix } from 'node:path'
import { csvLines } from '../../exchange/decode/write-csv.ts'
import type { SourceRow } from '../../exchange/types.ts'
import type { UnitReceipt } from '../contract.ts'
import { readUnit } from './file-position.ts'
import {
  type FileStamp,
  type FolderStore,
  isSameStamp,
  type RowFileSettings,
  type StoredFile,
} from './folder-store.ts'
import { collect } from './stored-zip.ts'
import { markerPaths } from './whole-files.ts'

export interface Archive {
  store: FolderStore
  settings: RowFileSettings
  columnsOf(file: StoredFile): Promise<readonly string[] | null>
}

/**
 * Moves a taken file into `archive/<day>/`, with its receipt and its rejected rows beside it. The file goes
 * last: while it lies in its place, everything can be done again; once it is gone, or another one has taken
 * its place, there is nothing left to do. Without `archive` files stay where they are.
 */
export async function archiveUnit(archive: Archive, receipt: UnitReceipt): Promise<void> {
  const { store, settings } = archive
  if (settings.archive === undefined) return
  const unit = readUnit(receipt.unit)
  const file = await findUnit(archive, unit)
  if (file === null) return
  const folder = posix.join(await store.resolve(settings.archive), beijingDay(new Date()))
  const place = await freePlace(store, posix.join(folder, unit.name), receipt)
  await store.makeFolder(posix.dirname(place))
  if (receipt.rejectedCount > 0) {
    const columns = await archive.columnsOf(file)
    await store.write(`${place}.rejects.csv`, rejectsCsv(receipt, columns))
  }
  await store.write(`${place}.receipt.json`, receiptText(receipt))
  for (const path of settings.marker === undefined ? [] : markerPaths(file.path, settings.marker)) {
    const name = posix.basename(path).slice(posix.basename(file.path).length)
    const isLonger = path.startsWith(file.path)
    const target = isLonger
      ? `${place}${name}`
      : posix.join(posix.dirname(place), posix.basename(path))
    if ((await store.stat(path)) && !(await store.stat(target))) await store.move(path, target)
  }
  await store.move(file.path, place)
}

async function findUnit(
  { store, settings }: Archive,
  unit: FileStamp & { name: string },
): Promise<StoredFile | null> {
  const path = await pathOf(store, settings, unit.name)
  const now = path === null ? null : await store.stat(path)
  return path !== null && now && isSameStamp(now, unit) ? { ...unit, path } : null
}

async function pathOf(
  store: FolderStore,
  { path, glob = '' }: RowFileSettings,
  name: string,
): Promise<string | null> {
  if (path !== undefined) return store.resolve(path)
  const files = await store.find(glob)
  return files.find((file) => file.name === name)?.path ?? null
}

/** Days in the archive are the office's days. */
const beijingDay = (at: Date): string =>
  at.toLocaleDateString('sv-SE', { timeZone: 'Asia/Shanghai' })

/** A place that nothing lies at, or that an earlier try for the same unit and run has begun to fill. */
async function freePlace(
  store: FolderStore,
  wanted: string,
  { unit, runId }: UnitReceipt,
): Promise<string> {
  const { dir, name, ext } = posix.parse(wanted)
  for (let at = 1; ; at++) {
    const place = at === 1 ? wanted : posix.join(dir, `${name}-${at}${ext}`)
    if (await store.stat(place)) continue
    const stamp = await store.stat(`${place}.receipt.json`)
    if (!stamp) return place
    const text = (await collect(store.read(`${place}.receipt.json`, 0, stamp.size))).toString()
    if (text.includes(JSON.stringify(unit)) && text.includes(JSON.stringify(runId))) return place
  }
}

async function* receiptText(receipt: UnitReceipt): AsyncGenerator<string> {
  const { unit, runId, readCount, landedCount, flaggedCount, rejectedCount } = receipt
  const told = { unit, runId, readCount, landedCount, flaggedCount, rejectedCount }
  yield `${JSON.stringify(told, null, 2)}\n`
}

/** Rows whose keys name the columns of a format without a header. */
const headRowsMax = 1000

/**
 * The rejected rows in the file's own columns with their reasons behind. Rows of JSON name the columns
 * together; what only a later one has stands in its error cell, so that nothing gets lost.
 */
async function* rejectsCsv(
  { rejects }: UnitReceipt,
  known: readonly string[] | null,
): AsyncGenerator<string> {
  const iterator = rejects[Symbol.asyncIterator]()
  const head: Reject[] = []
  while (head.length < headRowsMax) {
    const { done, value } = await iterator.next()
    if (done) break
    head.push(value)
  }
  const keys = head.flatMap(({ source }) => (typeof source === 'string' ? [] : Object.keys(source)))
  const columns = [...(known ?? new Set(keys))]
  const errorColumn = columns.includes('error') ? '错误原因' : 'error'
  async function* rows(): AsyncGenerator<SourceRow> {
    for (const reject of head) yield rejectRow(reject, columns, errorColumn)
    for await (const reject of { [Symbol.asyncIterator]: () => iterator }) {
      yield rejectRow(reject, columns, errorColumn)
    }
  }
  yield* csvLines([...columns, errorColumn], rows())
}

type Reject = UnitReceipt['rejects'] extends AsyncIterable<infer One> ? One : never

function rejectRow({ source, reasons }: Reject, columns: string[], errorColumn: string): SourceRow {
  const error = reasons
    .map(({ field, message }) => (field === null ? message : `${field} ${message}`))
    .join('; ')
  if (typeof source === 'string') return { [errorColumn]: `${error} [${source}]` }
  const others = Object.entries(source).filter(([column]) => !columns.includes(column))
  const more = others.length === 0 ? '' : ` ${JSON.stringify(Object.fromEntries(others))}`
  return { ...source, [errorColumn]: error + more }
}
