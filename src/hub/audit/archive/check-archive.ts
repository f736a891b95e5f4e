import { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import type { ClientBase } from 'pg'
import { isGoodReport } from '../../../shared/proofs/findings.ts'
import { parseVerifierKey } from '../../../shared/proofs.ts'
import { type ExportReport, verifyExport } from '../../../shared/verify-export.ts'
import { readFolder } from '../export/read-folder.ts'
import type { AuditKeys } from '../keys.ts'
import { readSealKeys } from '../sealed/seal-keys.ts'
import { type ArchiveFault, archiveDiffers } from './archive-faults.ts'
import { type ArchiveCounts, detailsName } from './archive-manifest.ts'
import { readDetailsFile } from './details-file.ts'
import { detailsRows, digestLines } from './details-rows.ts'

export interface CheckCall {
  client: ClientBase
  keys: AuditKeys
  month: string
  folder: string
}

/** A month's key as an object. */
export async function monthKeyOf(keys: AuditKeys, month: string): Promise<KeyObject> {
  const key = keys.month(month)
  return key instanceof KeyObject ? key : await key
}

/**
 * Reads every file of an archive again: the tree proves itself under the log's own keys, its root is the one that the
 * log signed at that size, it holds every entry of the month that the log has, and the sealed details are those of
 * the database, row by row. Throws `ArchiveFault`.
 */
export async function checkArchive(call: CheckCall): Promise<ArchiveCounts> {
  const counts = await checkTree(call)
  await checkLog(call, counts)
  const { client, month, folder } = call
  const monthKey = await monthKeyOf(call.keys, month)
  const path = join(folder, detailsName)
  const archived = await digestLines(readDetailsFile(path, { monthKey, month }))
  if (archived !== (await digestLines(detailsRows(client, month)))) throw otherDetails(folder)
  return counts
}

/** The tree alone, without any look at what the database still has of the month. */
export async function checkTree({ client, month, folder }: CheckCall): Promise<ArchiveCounts> {
  const known = await readSealKeys(client)
  const keys = known.flatMap(({ verifierKey }) => parseVerifierKey(verifierKey) ?? [])
  const report = await verifyExport(readFolder(folder), { keys })
  const { manifest, checkpoint } = report
  if (!isGoodReport(report) || manifest === null || checkpoint === null) {
    throw treeFault(folder, report)
  }
  const { rows } = await client.query<{ root: Buffer }>(
    'select root from audit.checkpoints where size = $1',
    [checkpoint.size],
  )
  if (manifest.month !== month || !rows[0]?.root.equals(checkpoint.root)) throw otherLog(folder)
  const [first, last] = [manifest.ranges[0]?.[0], manifest.ranges.at(-1)?.[1]]
  if (first === undefined || last === undefined) throw otherLog(folder)
  return { entryCount: manifest.entryCount, firstPosition: first, lastPosition: last - 1 }
}

/** The export proves that each of its positions is the month's; with as many as the log has, it has them all. */
async function checkLog(
  { client, month, folder }: CheckCall,
  { entryCount }: ArchiveCounts,
): Promise<void> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*) as count from audit.entries
     where id >= audit.first_id_of_month($1) and id < audit.first_id_after_month($1)`,
    [month],
  )
  if (rows[0]?.count !== entryCount) throw otherEntries(folder)
}

function treeFault(folder: string, { checks }: ExportReport): ArchiveFault {
  const fault = checks.flatMap(({ faults }) => faults)[0]
  const where = [fault?.path, fault?.position, fault?.entryId]
    .filter((one) => one !== undefined)
    .join(', ')
  return archiveDiffers(folder, `${fault?.zh ?? ''} (${where})`, `${fault?.en ?? ''} (${where})`)
}

const otherLog = (folder: string): ArchiveFault =>
  archiveDiffers(folder, '其中不是本日志该月的条目', 'it does not hold this month of this very log')

const otherEntries = (folder: string): ArchiveFault =>
  archiveDiffers(
    folder,
    '条目数与库中不符,归档后又有该月的条目写入',
    'the log has other entries of the month than the archive: some were written since',
  )

const otherDetails = (folder: string): ArchiveFault =>
  archiveDiffers(
    folder,
    `${detailsName} 与库中明细不符`,
    `${detailsName} does not hold the details that the database has`,
  )
