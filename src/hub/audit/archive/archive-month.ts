import { existsSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Client, Pool } from 'pg'
import { v7 as newUuid } from 'uuid'
import { monthPattern } from '../../../shared/proofs/entries.ts'
import { connectClient } from '../../database/clients.ts'
import { openPool } from '../../database/connect.ts'
import { readSource } from '../export/export-source.ts'
import { writeExport } from '../export/write-export.ts'
import type { AuditLog } from '../facts.ts'
import type { AuditKeys } from '../keys.ts'
import { ArchiveFault, archiveRefused } from './archive-faults.ts'
import { checkManifest, detailsName, writeManifest } from './archive-manifest.ts'
import { type Archive, type ArchiveStep, type ArchiveStore, archiveStore } from './archive-store.ts'
import { withArchives } from './archived-bundles.ts'
import { checkArchive, checkTree, monthKeyOf } from './check-archive.ts'
import { writeDetailsFile } from './details-file.ts'
import { detailsRows } from './details-rows.ts'
import { monthRetentionEndsAt } from './retention.ts'

export interface ArchiveCall {
  /** Of a direct connection with the hub's own rights. */
  url: string
  keys: AuditKeys
  auditLog: AuditLog
  /** `2026-01`, UTC. */
  month: string
  /** Holds a folder for each month. */
  folder: string
  /** Whether the month leaves the database once it may. */
  isDropped: boolean
  now: Date
  /** Told what comes next; what it throws breaks off there, as a kill would. */
  tell?: (what: string) => void
}

interface Archiving extends ArchiveCall {
  client: Client
  pool: Pool
  store: ArchiveStore
  tell: (what: string) => void
}

/** What leads on from a step; false where there is nothing more to do. */
type Work = (archiving: Archiving, archive: Archive) => Promise<boolean>

const works: Readonly<Record<ArchiveStep, Work>> = {
  begun: writeTree,
  exported: writeDetails,
  sealed: verifyFiles,
  verified: dropMonth,
  dropped: relocate,
}

const lockKey = 7_305_118_443

/**
 * Brings a month's archive as far as it can go, from where the last call left off, and answers how far that is. Every
 * step is recorded when all that it does is done, and does it anew where it was broken off. Throws `StartRefusal`,
 * with nothing dropped, where the month or the files are not what they should be.
 */
export async function archiveMonth(call: ArchiveCall): Promise<Archive> {
  if (!monthPattern.test(call.month)) {
    throw archiveRefused(`“${call.month}”不是月份`, `"${call.month}" is no month`)
  }
  const client = await connectClient({ url: call.url, purpose: 'leader' })
  const pool = openPool({ url: call.url, purpose: 'reads' }, 4)
  try {
    const tell = call.tell ?? (() => undefined)
    const archiving = { ...call, client, pool, store: archiveStore(client), tell }
    await demandLock(client)
    return await carryOn(archiving)
  } finally {
    await Promise.all([client.end(), pool.end()])
  }
}

async function carryOn(archiving: Archiving): Promise<Archive> {
  const { store, month, folder, tell } = archiving
  if ((await store.find(month)) === null) {
    await demandReady(archiving)
    await store.begin(month, join(resolve(folder), month))
  }
  for (;;) {
    const archive = await store.find(month)
    if (archive === null) throw new Error(`the archive of ${month} was not kept`)
    if (archive.step !== 'dropped') demandFolder(archive, archiving)
    if (!(await works[archive.step](archiving, archive))) return archive
    tell(`behind ${archive.step}`)
  }
}

async function demandLock(client: Client): Promise<void> {
  const { rows } = await client.query<{ held: boolean }>(
    'select pg_try_advisory_lock($1) as held',
    [lockKey],
  )
  if (rows[0]?.held === true) return
  throw archiveRefused('另一个归档正在进行', 'Another archive is being written')
}

function demandFolder({ month, folder }: Archive, wanted: Archiving): void {
  if (folder === join(resolve(wanted.folder), month)) return
  throw archiveRefused(
    `${month} 的归档已在 ${folder} 开始,请用同一目录`,
    `The archive of ${month} was begun in ${folder}: name the same folder`,
  )
}

/** Only a month that is over and sealed to its last entry is archived. */
async function demandReady({ client, month, now }: Archiving): Promise<void> {
  const { rows } = await client.query<{ isOver: boolean; entries: number; sealed: number }>(
    `select audit.instant_of_id(audit.first_id_after_month($1)) <= $2 as "isOver", count(*) as entries,
       count(*) filter (where position < (select max(size) from audit.checkpoints)) as sealed
     from audit.entries left join audit.leaves on leaves.entry = entries.id
     where entries.id >= audit.first_id_of_month($1) and entries.id < audit.first_id_after_month($1)`,
    [month, now],
  )
  const { isOver, entries = 0, sealed = 0 } = rows[0] ?? {}
  if (isOver !== true) throw archiveRefused(`${month} 尚未结束`, `${month} is not over yet`)
  if (entries === 0) throw archiveRefused(`${month} 没有条目`, `${month} has no entries`)
  if (sealed === entries) return
  throw archiveRefused(
    `${month} 还有 ${entries - sealed} 条未密封,请稍后再试`,
    `${entries - sealed} entries of ${month} are not sealed yet: try again later`,
  )
}

/** A folder that is there already was put in its place whole; whether it is the right one is verified later. */
async function writeTree(archiving: Archiving, { month, folder }: Archive): Promise<boolean> {
  const { client, pool, store, tell } = archiving
  await demandReady(archiving)
  // Left behind by a call that was killed: the lock says that nobody writes there now.
  rmSync(`${folder}.part`, { recursive: true, force: true })
  if (!existsSync(folder)) {
    const source = await readSource({ client, pool, month })
    await writeExport({ ...source, store: withArchives(source.store, pool) }, { folder })
  }
  tell('tree written')
  await store.move(month, 'begun', 'exported')
  return true
}

async function writeDetails(archiving: Archiving, { month, folder }: Archive): Promise<boolean> {
  const { client, keys, store, tell } = archiving
  if (!existsSync(folder)) {
    await store.move(month, 'exported', 'begun')
    return true
  }
  const monthKey = await monthKeyOf(keys, month)
  const path = join(folder, detailsName)
  await writeDetailsFile(path, { monthKey, month }, detailsRows(client, month))
  tell('details written')
  await store.move(month, 'exported', 'sealed')
  return true
}

/** What does not hold is written again from the beginning by the next call. */
async function orBeginAgain<T>(
  { store, month }: Archiving,
  from: ArchiveStep,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ArchiveFault) await store.move(month, from, 'begun')
    throw error
  }
}

async function verifyFiles(archiving: Archiving, { month, folder }: Archive): Promise<boolean> {
  const { store, tell } = archiving
  const counts = await orBeginAgain(archiving, 'sealed', () =>
    checkArchive({ ...archiving, folder }),
  )
  const manifestDigest = await writeManifest(folder, month, counts)
  tell('manifest written')
  await store.verify(month, { ...counts, manifestDigest })
  return true
}

/** The files are read once more: only what holds at this moment lets the month go. */
async function dropMonth(archiving: Archiving, archive: Archive): Promise<boolean> {
  const { store, month, isDropped, now, tell } = archiving
  const { folder, manifestDigest } = archive
  if (!isDropped) return false
  demandOld(month, now)
  const counts = await orBeginAgain(archiving, 'verified', async () => {
    await checkManifest(folder, manifestDigest)
    return checkArchive({ ...archiving, folder })
  })
  const obstacle = await store.obstacle(month)
  if (obstacle !== null || manifestDigest === null) {
    throw archiveRefused(`${month} 未移出`, `${month} stays: ${obstacle ?? ''}`)
  }
  await archiving.auditLog.append({
    operation: 'audit.drop-month',
    outcome: 'allowed',
    requestId: newUuid(),
    requestedAt: now,
    note: { month, folder, manifestDigest, ...counts },
  })
  tell('drop logged')
  await store.drop(month, manifestDigest)
  return true
}

function demandOld(month: string, now: Date): void {
  const endsAt = monthRetentionEndsAt(month)
  if (endsAt <= now) return
  const day = endsAt.toISOString().slice(0, 10)
  throw archiveRefused(
    `${month} 的保存期至 ${day},此前不移出;归档已核验`,
    `The retention of ${month} ends on ${day}: until then it stays. Its archive is verified`,
  )
}

/** The archive was moved elsewhere: from now on it is read there, where it is still the same. */
async function relocate(archiving: Archiving, archive: Archive): Promise<boolean> {
  const { month, store } = archiving
  const folder = join(resolve(archiving.folder), month)
  if (folder === archive.folder) return false
  await checkManifest(folder, archive.manifestDigest)
  await checkTree({ ...archiving, folder })
  await store.relocate(month, folder)
  return true
}
