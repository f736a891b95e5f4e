import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from './target-partial.ts'

/** What lies beside a delivered file. It comes last: who sees it may rely on the file. */
export interface Manifest {
  delivery: string
  runId: string
  file: string
  format: string
  content: 'full' | 'changes'
  /** Rows in the file, its header not counted. */
  rowCount: number
  /** Of them, in a file of changes, deletions. */
  deletedCount: number
  /** Smallest and greatest change number in the file; null: no rows. */
  fromSeq: number | null
  throughSeq: number | null
  bytes: number
  /** Hex, of the whole file. */
  sha256: string
  /** RFC 3339. */
  createdAt: string
  /** The last checkpoint of the hub's log, to be kept and checked; null before the first. */
  checkpoint: string | null
}

export const manifestPathOf = (filePath: string): string => `${filePath}.manifest.json`

export async function writeManifest(filePath: string, manifest: Manifest): Promise<void> {
  const path = manifestPathOf(filePath)
  const token = randomBytes(8).toString('hex')
  const partial = join(dirname(path), `.${basename(path)}.${token}.partial`)
  const file = await open(partial, 'wx', 0o640)
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(partial, path)
  await syncFolder(dirname(path))
}

/** Before a file is replaced: for a moment there is no manifest, rather than one of another file. */
export const removeManifest = (filePath: string): Promise<void> =>
  rm(manifestPathOf(filePath), { force: true })

/** The run whose file lies there whole; null where there is none. */
export async function manifestRunOf(filePath: string): Promise<string | null> {
  const text = await readFile(manifestPathOf(filePath), 'utf8').catch(() => null)
  if (text === null) return null
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null && 'runId' in value
    ? String(value.runId)
    : null
}
