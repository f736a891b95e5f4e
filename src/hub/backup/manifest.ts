import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../error-code.ts'
import { StartRefusal } from '../start-refusal.ts'

/*
 * A backup is a folder:
 *
 *   manifest.json            what it holds, and the digest of each file
 *   hub.runs.copy.zst …      one file a table, its partitions together: COPY's text format (UTF-8), zstd
 *   keys/                    only with --with-keys
 *   SHA256SUMS               of every file, as sha256sum writes and checks it
 */
export const formatVersion = 1
export const manifestName = 'manifest.json'
export const sumsName = 'SHA256SUMS'
export const keysName = 'keys'

/** How a table that no migration makes is made again. Every text comes from PostgreSQL's own catalog. */
export interface TableMaking {
  columns: { name: string; type: string; isRequired: boolean; fallback: string | null }[]
  /** `constraint … primary key …`, added when the rows are in. */
  constraints: string[]
  /** `CREATE INDEX …` */
  indexes: string[]
}

export interface TableFacts {
  schema: string
  name: string
  columns: string[]
  isPartitioned: boolean
  making: TableMaking | null
}

export interface KeptTable extends TableFacts {
  file: string
  rows: number
  /** Before compression. */
  bytes: number
  fileBytes: number
  /** Of the file, hexadecimal. */
  sha256: string
}

export interface KeptSequence {
  schema: string
  name: string
  lastValue: string
  isCalled: boolean
}

/** A month of the audit log. */
export interface KeptMonth {
  parent: string
  suffix: string
  bounds: string
}

export interface KeptMigration {
  version: number
  name: string
  sha256: string
  appliedAt: string
}

export interface Manifest {
  formatVersion: number
  productVersion: string
  postgresVersion: string
  takenAt: string
  migrations: KeptMigration[]
  /** What the snapshot saw last. */
  lastAuditEntry: string | null
  changeNumbers: { resource: string; lastSeq: number }[]
  /** In the order in which they can be loaded: what is referred to comes first. */
  tables: KeptTable[]
  sequences: KeptSequence[]
  months: KeptMonth[]
  keyFiles: string[]
}

/** The version of this program. */
export function readProductVersion(): string {
  const path = new URL('../../../package.json', import.meta.url)
  const { version }: { version: string } = JSON.parse(readFileSync(path, 'utf8'))
  return version
}

export interface OpenedManifest {
  manifest: Manifest
  /** SHA-256 of manifest.json, hexadecimal: names the backup. */
  digest: string
}

export const digestOf = (bytes: Buffer | string): string =>
  createHash('sha256').update(bytes).digest('hex')

export const sumsLine = (digest: string, name: string): string => `${digest}  ${name}\n`

/** Reads a backup's manifest; refuses a folder that is none, that broke off, or whose manifest was changed. */
export function readManifest(folder: string): OpenedManifest {
  const text = readOf(folder, manifestName)
  const digest = digestOf(text)
  if (!readOf(folder, sumsName).includes(sumsLine(digest, manifestName))) {
    throw damaged(join(folder, manifestName))
  }
  const manifest = parseManifest(text, folder)
  if (manifest.formatVersion !== formatVersion) {
    throw new StartRefusal(
      `备份 ${folder} 的格式版本为 ${manifest.formatVersion},本程序只认识 ${formatVersion}。请使用 ${manifest.productVersion} 版程序恢复。` +
        ` / Backup ${folder} has format ${manifest.formatVersion}; this program knows ${formatVersion}. Restore it with version ${manifest.productVersion}.`,
    )
  }
  const unsafe = [...manifest.tables.map(({ file }) => file), ...manifest.keyFiles].find(
    (name) => !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name),
  )
  if (unsafe !== undefined) throw damaged(join(folder, manifestName))
  return { manifest, digest }
}

function parseManifest(text: string, folder: string): Manifest {
  try {
    const parsed: Manifest = JSON.parse(text)
    return parsed
  } catch (cause) {
    throw damaged(join(folder, manifestName), cause)
  }
}

function readOf(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) throw error
    throw new StartRefusal(
      `${folder} 不是完整的备份:缺少 ${name}。未完成的备份以 .part 结尾,不能用于恢复。` +
        ` / ${folder} is no complete backup: ${name} is missing. One that broke off ends in .part and cannot be restored.`,
      error,
    )
  }
}

export function damaged(path: string, cause?: unknown): StartRefusal {
  return new StartRefusal(
    `备份文件 ${path} 与清单不符,已损坏或被改动,未恢复。请换用另一份备份。` +
      ` / Backup file ${path} is not what the manifest says: damaged or changed. Nothing was restored; use another backup.`,
    cause,
  )
}
