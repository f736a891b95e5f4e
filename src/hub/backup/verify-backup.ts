import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../error-code.ts'
import { isUnchanged } from './copy-files.ts'
import {
  damaged,
  digestOf,
  keysName,
  type OpenedManifest,
  readManifest,
  sumsLine,
  sumsName,
} from './manifest.ts'
import { createTally, type TellProgress } from './progress.ts'

/** Reads a whole backup and compares every file with its digest; refuses the first that differs. */
export async function verifyBackup(folder: string, tell?: TellProgress): Promise<OpenedManifest> {
  const opened = readManifest(folder)
  const { tables, keyFiles } = opened.manifest
  const weight = tables.reduce((sum, { fileBytes }) => sum + fileBytes, 0)
  const tally = createTally(
    'verifying',
    { tables: tables.length, weight },
    tell ?? (() => undefined),
  )
  for (const { schema, name, file, fileBytes, sha256 } of tables) {
    const path = join(folder, file)
    tally.begin(`${schema}.${name}`, fileBytes)
    if (!(await isWhole(path, { sha256, count: tally.count }))) throw damaged(path)
    tally.end(0)
  }
  const sums = readFileSync(join(folder, sumsName), 'utf8')
  for (const name of keyFiles) verifyKey(folder, join(keysName, name), sums)
  return opened
}

/** A file that is missing is as bad as one that was changed. */
async function isWhole(path: string, kept: Parameters<typeof isUnchanged>[1]): Promise<boolean> {
  try {
    return await isUnchanged(path, kept)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}

function verifyKey(folder: string, path: string, sums: string): void {
  if (!existsSync(join(folder, path))) throw damaged(join(folder, path))
  const digest = digestOf(readFileSync(join(folder, path)))
  if (!sums.includes(sumsLine(digest, path))) throw damaged(join(folder, path))
}
