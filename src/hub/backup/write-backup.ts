import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { ClientBase } from 'pg'
import { errorCode } from '../error-code.ts'
import { StartRefusal } from '../start-refusal.ts'
import { copyOut } from './copy-files.ts'
import { copyKeys, listKeys } from './keys-folder.ts'
import {
  digestOf,
  formatVersion,
  type KeptTable,
  keysName,
  type Manifest,
  manifestName,
  type OpenedManifest,
  readProductVersion,
  sumsLine,
  sumsName,
} from './manifest.ts'
import { createTally, type TellProgress } from './progress.ts'
import { onSnapshot } from './snapshot.ts'
import { readMonths, readSequences, readSnapshotFacts, readTables } from './table-facts.ts'

/*
 *   <folder>.part made ──▶ tables, keys, manifest, sums ──▶ all on the disk ──▶ renamed to <folder>
 *                                    │ fails
 *                                    └──▶ <folder>.part removed (left behind by a kill: refused next time)
 */
export interface BackupCall {
  /** Of a direct connection that may read everything: the hub's own. */
  url: string
  folder: string
  /** Copied too where it is given. */
  keysDir?: string
  tell?: TellProgress
}

/**
 * Writes the whole database as of one instant into a new folder (0700, files 0600: personal data), while
 * the hub goes on working. Refuses a folder that exists, and never leaves half a backup under its name.
 */
export async function writeBackup(call: BackupCall): Promise<OpenedManifest> {
  const folder = resolve(call.folder)
  const part = `${folder}.part`
  if (existsSync(folder)) throw folderExists(folder)
  makePart(part)
  try {
    const manifest = await onSnapshot(call.url, (client) => writeTables(client, part, call))
    const text = `${JSON.stringify(manifest, null, 1)}\n`
    writeWhole(join(part, manifestName), text)
    writeWhole(join(part, sumsName), sumsOf(part, manifest, digestOf(text)))
    syncFolder(part)
    // Renaming onto an empty folder would succeed.
    if (existsSync(folder)) throw folderExists(folder)
    renameSync(part, folder)
    syncFolder(dirname(folder))
    return { manifest, digest: digestOf(text) }
  } catch (error) {
    rmSync(part, { recursive: true, force: true })
    throw error
  }
}

async function writeTables(client: ClientBase, part: string, call: BackupCall): Promise<Manifest> {
  const facts = await readSnapshotFacts(client)
  const months = await readMonths(client)
  const found = await readTables(client)
  const weight = found.reduce((sum, { diskBytes }) => sum + diskBytes, 0)
  const total = { tables: found.length, weight }
  const tally = createTally('copying', total, call.tell ?? (() => undefined))
  const tables: KeptTable[] = []
  for (const { diskBytes, ...table } of found) {
    const file = `${table.schema}.${table.name}.copy.zst`
    tally.begin(`${table.schema}.${table.name}`, diskBytes)
    const path = join(part, file)
    const copied = await copyOut(client, table, { path, count: tally.count })
    tables.push({ ...table, file, ...copied })
    tally.end(copied.rows)
  }
  // After the snapshot: every key that the snapshot knows of has its file by now.
  const keyFiles = call.keysDir === undefined ? [] : keepKeys(call.keysDir, part)
  const sequences = await readSequences(client)
  return {
    formatVersion,
    productVersion: readProductVersion(),
    ...facts,
    tables,
    sequences,
    months,
    keyFiles,
  }
}

function keepKeys(keysDir: string, part: string): string[] {
  const names = listKeys(keysDir)
  copyKeys({ from: keysDir, to: join(part, keysName), names })
  return names
}

function sumsOf(part: string, manifest: Manifest, manifestDigest: string): string {
  const tables = manifest.tables.map(({ sha256, file }) => sumsLine(sha256, file))
  const keys = manifest.keyFiles.map((name) => {
    const path = join(keysName, name)
    return sumsLine(digestOf(readFileSync(join(part, path))), path)
  })
  return [sumsLine(manifestDigest, manifestName), ...tables, ...keys].join('')
}

const writeWhole = (path: string, text: string): void =>
  writeFileSync(path, text, { mode: 0o600, flag: 'wx', flush: true })

/** The names of files are on the disk only when their folder is. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function makePart(part: string): void {
  mkdirSync(dirname(part), { recursive: true, mode: 0o700 })
  try {
    mkdirSync(part, { mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    throw new StartRefusal(
      `${part} 已存在:另一个备份正在写入,或上次备份中断。确认没有备份在运行后删除它再重试。` +
        ` / ${part} exists: another backup is writing it, or one broke off. Delete it when none is running, and try again.`,
    )
  }
}

function folderExists(folder: string): StartRefusal {
  return new StartRefusal(
    `${folder} 已存在,备份不会覆盖它。请用 --to 指定新目录。 / ${folder} exists and is not overwritten. Name a new folder with --to.`,
  )
}
