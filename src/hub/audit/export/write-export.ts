import { hash } from 'node:crypto'
import { writeBundle } from '../../../shared/proofs/bundles.ts'
import {
  checkpointName,
  checkpointPath,
  countOf,
  exportFormat,
  type ExportManifest,
  factsName,
  keysName,
  manifestName,
} from '../../../shared/proofs/export-manifest.ts'
import { isGoodReport } from '../../../shared/proofs/findings.ts'
import {
  numbersOf,
  type TileName,
  tilePath,
  tilesNeeded,
  tilesOver,
  widthOf,
} from '../../../shared/proofs/tile-paths.ts'
import { type ExportReport, verifyExport } from '../../../shared/verify-export.ts'
import { parseCheckpoint, parseNote, parseVerifierKey } from '../../../shared/proofs.ts'
import { StartRefusal } from '../../start-refusal.ts'
import type { ExportSource } from './export-source.ts'
import { makePart, type PartFolder } from './part-folder.ts'
import { readFolder } from './read-folder.ts'

export interface ExportCall {
  folder: string
  /** Told of files written, then of entries verified. */
  tell?: (step: 'writing' | 'verifying', done: number, total: number) => void
}

/**
 * Writes a month of the log into a new folder (`export-manifest.ts` says what lies where), verifies it as
 * anyone would, and only then gives it its name. Positions that are signed never change, so that nothing
 * need be held still meanwhile.
 */
export async function writeExport(
  source: ExportSource,
  { folder, tell = () => undefined }: ExportCall,
): Promise<ExportManifest> {
  const part = makePart(folder)
  try {
    await writeTree(source, part, (done, total) => tell('writing', done, total))
    if (source.factLines) await writeFacts(source, part, source.factLines)
    const manifest = await writeHead(source, part)
    const report = await verifyExport(readFolder(part.path), {
      keys: source.keys.map(({ verifierKey }) => parseVerifierKey(verifierKey)).filter(isKey),
      tell: (done, total) => tell('verifying', done, total),
    })
    if (!isGoodReport(report)) throw unverified(report)
    part.finish()
    return manifest
  } catch (error) {
    part.remove()
    throw error
  }
}

const isKey = <Key>(key: Key | null): key is Key => key !== null

/** Written side by side: each file waits for the disk. */
const filesAtOnce = 16

async function writeTree(
  source: ExportSource,
  part: PartFolder,
  tell: (done: number, total: number) => void,
): Promise<void> {
  const names = tileNames(source)
  const total = countTiles(source)
  let done = 0
  const work = async (): Promise<void> => {
    for (const name of names) {
      await part.write(tilePath(name), await readTile(source, name))
      tell((done += 1), total)
    }
  }
  await Promise.all(Array.from({ length: filesAtOnce }, work))
}

const levelsOf = ({ ranges, checkpoints, last }: ExportSource) =>
  tilesNeeded(
    ranges,
    checkpoints.map(({ size }) => size),
    last.size,
  )

function* tileNames(source: ExportSource): Generator<TileName> {
  const { size } = source.last
  for (const number of numbersOf(tilesOver(source.ranges))) {
    yield { level: 'entries', number, width: widthOf(0, number, size) }
  }
  for (const [level, ranges] of levelsOf(source).entries()) {
    for (const number of numbersOf(ranges)) {
      yield { level, number, width: widthOf(level, number, size) }
    }
  }
}

const countTiles = (source: ExportSource): number =>
  [tilesOver(source.ranges), ...levelsOf(source)].reduce((sum, ranges) => sum + countOf(ranges), 0)

async function readTile({ store }: ExportSource, name: TileName): Promise<Buffer> {
  const { level, number, width } = name
  if (level === 'entries') {
    const entries = await store.bundle(number, width)
    if (entries !== null) return writeBundle(entries)
  } else {
    const tile = await store.tile(level, number, width)
    if (tile !== null) return tile
  }
  throw new Error(`the log lacks ${tilePath(name)}`)
}

/** Entries whose facts are held at once. */
const factsAtOnce = 5000

async function writeFacts(
  { ranges }: ExportSource,
  part: PartFolder,
  factLines: NonNullable<ExportSource['factLines']>,
): Promise<void> {
  for (const [from, to] of ranges) {
    for (let at = from; at < to; at += factsAtOnce) {
      const lines = await factLines(at, Math.min(to, at + factsAtOnce))
      await part.append(factsName, lines.map((line) => `${line}\n`).join(''))
    }
  }
}

/** The manifest goes last: a folder without one is no export. */
async function writeHead(source: ExportSource, part: PartFolder): Promise<ExportManifest> {
  const { month, origin, last, checkpoints, keys, ranges } = source
  const files: [path: string, text: string][] = [
    [checkpointName, last.note],
    ...checkpoints.map(({ size, note }): [string, string] => [checkpointPath(size), note]),
    [keysName, `${JSON.stringify(keys, null, 1)}\n`],
  ]
  for (const [path, text] of files) await part.write(path, text)
  const manifest: ExportManifest = {
    format: exportFormat,
    month,
    origin,
    size: last.size,
    root: rootOf(last.note),
    entryCount: countOf(ranges),
    ranges: ranges.map(([from, to]) => [from, to]),
    checkpointSizes: checkpoints.map(({ size }) => size),
    hasFacts: source.factLines !== undefined,
    digests: Object.fromEntries(files.map(([path, text]) => [path, hash('sha256', text)])),
    exportedAt: new Date().toISOString(),
  }
  await part.write(manifestName, `${JSON.stringify(manifest, null, 1)}\n`)
  return manifest
}

const rootOf = (note: string): string =>
  parseCheckpoint(parseNote(note)?.text ?? '')?.root.toString('base64') ?? ''

function unverified({ checks }: ExportReport): StartRefusal {
  const fault = checks.flatMap(({ faults }) => faults)[0]
  const where = [fault?.path, fault?.position, fault?.entryId].filter((one) => one !== undefined)
  return new StartRefusal(
    `导出未通过核对,已放弃:日志本身可能被改动。${fault?.zh ?? ''} (${where.join(', ')})` +
      ` / The export was given up, for it does not verify: the log itself may have been changed. ${fault?.en ?? ''}`,
  )
}
