import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { archiveMonth, type ArchiveCall } from '../../../src/hub/audit/archive/archive-month.ts'
import { listArchives, oldestMonthHeld } from '../../../src/hub/audit/archive/archive-store.ts'
import {
  archivedRefusal,
  heldSince,
  withArchives,
} from '../../../src/hub/audit/archive/archived-bundles.ts'
import { readDetailsFile } from '../../../src/hub/audit/archive/details-file.ts'
import {
  monthRetentionEndsAt,
  retentionYearsMin,
} from '../../../src/hub/audit/archive/retention.ts'
import { openDetails, sealDetails } from '../../../src/hub/audit/details.ts'
import type { AuditFacts } from '../../../src/hub/audit/facts.ts'
import type { AuditKeys } from '../../../src/hub/audit/keys.ts'
import { eraseFacts } from '../../../src/hub/audit/redact-entry.ts'
import { demandRedactable } from '../../../src/hub/audit/redaction-rules.ts'
import { redactionStore } from '../../../src/hub/audit/redaction-store.ts'
import { inclusionPath } from '../../../src/hub/audit/sealed/build-proofs.ts'
import { startSealer } from '../../../src/hub/audit/sealed/sealer.ts'
import { readOrigin } from '../../../src/hub/audit/sealed/seal-keys.ts'
import { ed25519Signer, type NoteSigner } from '../../../src/hub/audit/sealed/sign-note.ts'
import { tileStore } from '../../../src/hub/audit/sealed/tile-store.ts'
import { connectClient } from '../../../src/hub/database/clients.ts'
import { silentLog } from '../../../src/hub/database/log.ts'
import {
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  verifyInclusion,
} from '../../../src/shared/proofs.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { idAt, makeMonth, writeEntries } from './archive-samples.ts'
import { connect, keys as sampleKeys } from './audit-samples.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const monthKey = createSecretKey(Buffer.alloc(32, 9))
const keys: AuditKeys = { ...sampleKeys, month: () => monthKey }
const now = new Date('2026-11-20T00:00:00Z')
const old = '2021-03'

let own: TestDatabase
let app: pg.Client
let folder: string
let logged: AuditFacts[]
let signer: NoteSigner

/** A log of its own, under the name that it was made with. */
async function openLog(): Promise<void> {
  own = await createTestDatabase()
  app = await connect(own.urls.app)
  signer = ed25519Signer(await readOrigin(app), privateKey)
}

beforeEach(async () => {
  await openLog()
  folder = mkdtempSync(join(tmpdir(), 'shuqiao-archive-'))
  logged = []
})
afterEach(async () => {
  await app.end()
  await own.drop()
  rmSync(folder, { recursive: true, force: true })
})

async function seal(): Promise<void> {
  const { rows } = await app.query<{ size: number }>('select count(*) as size from audit.entries')
  const { rows: gone } = await app.query<{ size: number }>(
    'select count(*) as size from audit.leaves where not exists (select from audit.entries where id = entry)',
  )
  const size = (rows[0]?.size ?? 0) + (gone[0]?.size ?? 0)
  const sealer = startSealer({
    openClient: () => connectClient({ url: own.urls.sealer, purpose: 'leader' }),
    origin: await readOrigin(app),
    signers: [signer],
    log: silentLog,
  })
  for (;;) {
    const reached = await app.query('select from audit.checkpoints where size >= $1', [size])
    if (reached.rowCount) break
    await sleep(20)
  }
  await sealer.close()
}

/** Writes so many entries of a month, and seals them. */
async function fill(month: string, count: number, from = 0): Promise<string[]> {
  const made = await app.query(`select to_regclass($1) as name`, [
    `audit.entries_${month.replace('-', '_')}`,
  ])
  if (made.rows[0]?.name === null) await makeMonth(own, month)
  const given = Array.from({ length: count }, (_, index) => ({
    id: idAt(`${month}-04T05:06:07Z`, from + index),
    facts: { sequenceRange: { after: index, through: index + 5 } },
  }))
  await writeEntries(app, keys, given)
  await seal()
  return given.map(({ id }) => id)
}

const call = (more: Partial<ArchiveCall> = {}): ArchiveCall => ({
  url: own.urls.app,
  keys,
  auditLog: {
    append: async (facts) => {
      logged.push(facts)
      return { id: '', leaf: '' }
    },
  },
  month: old,
  folder,
  isDropped: true,
  now,
  ...more,
})
const archive = (more: Partial<ArchiveCall> = {}) => archiveMonth(call(more))

async function countRows(month = old): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of ['entries', 'search', 'subjects', 'ranges']) {
    const { rows } = await app.query<{ count: number }>(
      `select count(*) as count from audit.${table}
       where id >= audit.first_id_of_month($1) and id < audit.first_id_after_month($1)`,
      [month],
    )
    counts[table] = rows[0]?.count ?? -1
  }
  return counts
}
const whole = (count: number) => ({ entries: count, search: count, subjects: count, ranges: count })

const pool = () => own.database.pool
const store = () => withArchives(tileStore(pool()), pool())

/** As anyone with a receipt does it. */
async function isProved(id: string, leaf: Buffer): Promise<boolean> {
  const last = await tileStore(pool()).checkpoint()
  const key = parseVerifierKey(signer.verifierKey)
  const opened = openCheckpoint(last?.note ?? '', key === null ? [] : [key])
  if (!opened.isValid) return false
  const { size, root } = opened.checkpoint
  const index = (await tileStore(pool()).leafOf(id))?.position ?? -1
  const hashes = await inclusionPath(tileStore(pool()), index, size)
  return verifyInclusion({ index, size, leaf, hashes, root })
}

async function leafBytesOf(ids: readonly string[]): Promise<Buffer[]> {
  const { rows } = await app.query<{ bytes: Buffer }>(
    'select leaf_bytes as bytes from audit.entries where id = any($1::uuid[]) order by id',
    [ids],
  )
  return rows.map(({ bytes }) => bytes)
}

const detailsLines = async (): Promise<string[]> => {
  const lines: string[] = []
  const path = join(folder, old, 'details.sealed')
  for await (const line of readDetailsFile(path, { monthKey, month: old })) lines.push(line)
  return lines
}

describe('a month that may go', () => {
  test('leaves the database whole, verified and logged; its proofs and bundles are still served', async () => {
    const ids = await fill(old, 300)
    await fill('2021-04', 10)
    const leaves = await leafBytesOf(ids)
    const done = await archive()
    expect(done).toMatchObject({ month: old, step: 'dropped', entryCount: 300 })
    expect(await countRows()).toEqual(whole(0))
    expect(await countRows('2021-04')).toEqual(whole(10))
    expect(logged).toMatchObject([
      {
        operation: 'audit.drop-month',
        note: { month: old, entryCount: 300, firstPosition: 0, lastPosition: 299 },
      },
    ])
    for (const index of [0, 255, 256, 299]) {
      expect(await isProved(ids[index] ?? '', leafHash(leaves[index] ?? Buffer.of()))).toBe(true)
    }
    expect(await store().bundle(0, 256)).toEqual(leaves.slice(0, 256))
    const edge = await store().bundle(1, 54)
    expect(edge?.slice(0, 44)).toEqual(leaves.slice(256))
    expect(edge).toHaveLength(54)
  })

  test('takes its details along, sealed: every row of search, subjects and ranges', async () => {
    const [id] = await fill(old, 20)
    await archive()
    const lines = (await detailsLines()).map((line) => JSON.parse(line))
    const tables = lines.map(({ table }) => table)
    for (const table of ['search', 'subjects', 'ranges']) {
      expect(tables.filter((one) => one === table)).toHaveLength(20)
    }
    const row = lines.find((line) => line.row.id === id).row
    const opened = openDetails(monthKey, Buffer.from(row.details.slice(2), 'hex'))
    expect(opened.facts.operator).toBe('王芳')
    const bytes = readFileSync(join(folder, old, 'details.sealed'))
    expect(bytes.includes('population')).toBe(false)
    expect(statSync(join(folder, old, 'details.sealed')).mode & 0o777).toBe(0o600)
  })

  test('an archive that was moved is served from where it is, once it is told and found whole', async () => {
    const ids = await fill(old, 5)
    const leaves = await leafBytesOf(ids)
    await archive()
    const elsewhere = mkdtempSync(join(tmpdir(), 'shuqiao-archive-'))
    renameSync(join(folder, old), join(elsewhere, old))
    await expect(store().bundle(0, 5)).rejects.toMatchObject({ code: 'not-found' })
    await archive({ folder: elsewhere })
    expect(await store().bundle(0, 5)).toEqual(leaves)
    await expect(archive({ folder })).rejects.toThrow('缺失或被改动')
    rmSync(elsewhere, { recursive: true })
  })

  test('whoever asks for what is gone is told where it went, and from when on look-ups answer', async () => {
    const [id = ''] = await fill(old, 3)
    const [later = ''] = await fill('2021-04', 3)
    expect(await heldSince(pool())).toBeNull()
    expect(await oldestMonthHeld(pool())).toBe(old)
    expect(await archivedRefusal(pool(), id)).toBeNull()
    await archive()
    expect(await heldSince(pool())).toBe('2021-04-01T00:00:00.000Z')
    expect(await oldestMonthHeld(pool())).toBe('2021-04')
    expect((await archivedRefusal(pool(), id))?.message).toContain('2021-03,已归档移出')
    expect(await archivedRefusal(pool(), later)).toBeNull()
    expect(await archivedRefusal(pool(), idAt(`${old}-09T00:00:00Z`, 999))).toBeNull()
    const redacting = { store: redactionStore(own.database.knex), keys, now }
    const asked = { entry: id, facts: ['operator'], instrument: null }
    await expect(demandRedactable(redacting, asked)).rejects.toMatchObject({ code: 'not-found' })
    writeFileSync(join(folder, old, 'manifest.json'), '{}')
    await expect(store().bundle(0, 3)).rejects.toThrow('已归档移出')
  })

  test('an archived bundle that was changed is never served for what the log holds', async () => {
    await fill(old, 4)
    await archive()
    changeByte(bundlePath(), 40)
    await expect(store().bundle(0, 4)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('neighbouring months go one after the other, though they share a bundle', async () => {
    await fill(old, 30)
    const ids = await fill('2021-04', 30)
    const leaves = await leafBytesOf(ids)
    await archive()
    expect(await archive({ month: '2021-04' })).toMatchObject({ step: 'dropped', entryCount: 30 })
    expect((await store().bundle(0, 60))?.slice(30)).toEqual(leaves)
    const months = (await listArchives(pool())).map(({ month, step }) => [month, step])
    expect(months).toEqual([
      [old, 'dropped'],
      ['2021-04', 'dropped'],
    ])
  })
})

const bundlePath = (): string => {
  const entries = join(folder, old, 'tile', 'entries', '000.p')
  return join(entries, readdirSync(entries)[0] ?? '')
}
function changeByte(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

describe('a month that stays', () => {
  test('before its retention is over, though its archive is verified', async () => {
    const month = '2026-08'
    await fill(month, 5)
    await expect(archive({ month })).rejects.toThrow('保存期至 2029-09-01')
    expect(await archive({ month, isDropped: false })).toMatchObject({ step: 'verified' })
    expect(await countRows(month)).toEqual(whole(5))
    const { manifestDigest } = (await listArchives(pool()))[0] ?? {}
    const drop = app.query('select audit.drop_month($1, $2)', [month, manifestDigest])
    await expect(drop).rejects.toThrow('保存期未满')
    const far = new Date('2031-01-01T00:00:00Z')
    await expect(archive({ month, now: far })).rejects.toThrow('保存期未满')
    expect(await countRows(month)).toEqual(whole(5))
  })

  test('unless it is to be dropped', async () => {
    await fill(old, 5)
    expect(await archive({ isDropped: false })).toMatchObject({ step: 'verified' })
    expect(await countRows()).toEqual(whole(5))
    expect(logged).toEqual([])
  })

  test('while it runs, while it is empty, and while one of its entries is not sealed', async () => {
    const month = now.toISOString().slice(0, 7)
    await expect(archive({ month })).rejects.toThrow('尚未结束')
    await expect(archive({ month: '2020-01' })).rejects.toThrow('没有条目')
    await fill(old, 5)
    await writeEntries(app, keys, [{ id: idAt(`${old}-05T00:00:00Z`, 1) }])
    await expect(archive()).rejects.toThrow('还有 1 条未密封')
    expect(await listArchives(pool())).toEqual([])
  })

  test('when an entry of it was written after it was archived', async () => {
    await fill(old, 5)
    await archive({ isDropped: false })
    await fill(old, 1, 100)
    await expect(archive()).rejects.toThrow('条目数与库中不符')
    expect(await countRows()).toEqual(whole(6))
    rmSync(join(folder, old), { recursive: true })
    expect(await archive()).toMatchObject({ step: 'dropped', entryCount: 6 })
  })

  test('when rows of it lie in the default partition: a clock went wrong, and nothing of it may be lost', async () => {
    const ids = Array.from({ length: 3 }, (_, index) => ({
      id: idAt(`${old}-04T00:00:00Z`, index),
    }))
    await writeEntries(app, keys, ids)
    await seal()
    await expect(archive()).rejects.toThrow('默认分区 entries_default 中有该月的行')
    expect((await countRows()).entries).toBe(3)
    expect(logged).toEqual([])
  })

  test('rows of other tables in the default partition hold it back as well', async () => {
    await fill(old, 3)
    const owner = await connect(own.urls.owner)
    await owner.query('alter table audit.ranges detach partition audit.ranges_2021_03')
    await owner.query(`insert into audit.ranges values ('population', 1, 2, $1)`, [
      idAt(`${old}-06T00:00:00Z`, 1),
    ])
    await owner.end()
    await expect(archive()).rejects.toThrow('默认分区 ranges_default 中有该月的行')
  })

  test('where the database is asked without an archive, or with another manifest', async () => {
    await fill(old, 3)
    const drop = (digest: string) => app.query('select audit.drop_month($1, $2)', [old, digest])
    await expect(drop('')).rejects.toThrow('归档尚未核验')
    await archive({ isDropped: false })
    await expect(drop('0'.repeat(64))).rejects.toThrow('清单与登记的不同')
    await expect(app.query(`delete from audit.archives`)).rejects.toMatchObject({ code: '42501' })
    await expect(app.query(`update audit.archives set dropped_at = now()`)).rejects.toMatchObject({
      code: '42501',
    })
    await expect(app.query(`drop table audit.entries_2021_03`)).rejects.toMatchObject({
      code: '42501',
    })
    expect(await countRows()).toEqual(whole(3))
  })

  test('the database says the same of retention as the hub', async () => {
    const { rows } = await app.query<{ years: string }>(
      `select extract(year from audit.retention())::text as years`,
    )
    expect(rows[0]?.years).toBe(String(retentionYearsMin))
    expect(monthRetentionEndsAt('2021-12').toISOString()).toBe('2025-01-01T00:00:00.000Z')
  })
})

test('a month that somebody reads stays, and goes when they are done', async () => {
  await fill(old, 3)
  const reader = await connect(own.urls.app)
  await reader.query('begin')
  await reader.query('select count(*) from audit.search')
  await expect(archive()).rejects.toThrow('正被查询占用')
  expect(await countRows()).toEqual(whole(3))
  await reader.end()
  expect(await archive()).toMatchObject({ step: 'dropped' })
})

describe('a file that was changed refuses the drop', () => {
  const cases: [string, () => string][] = [
    ['a bundle of entries', () => bundlePath()],
    ['the sealed details', () => join(folder, old, 'details.sealed')],
    ['the export’s manifest', () => join(folder, old, 'manifest.json')],
    ['the archive’s manifest', () => join(folder, old, 'archive.json')],
    ['the checkpoint', () => join(folder, old, 'checkpoint')],
  ]
  test.each(cases)('%s', async (_, pathOf) => {
    await fill(old, 9)
    await archive({ isDropped: false })
    changeByte(pathOf(), 60)
    await expect(archive()).rejects.toThrow(/未移出任何数据/)
    expect(await countRows()).toEqual(whole(9))
    expect(logged).toEqual([])
  })

  test.each(cases)('%s, and a missing one', async (_, pathOf) => {
    await fill(old, 9)
    await archive({ isDropped: false })
    rmSync(pathOf())
    await expect(archive()).rejects.toThrow(/未移出任何数据/)
    expect(await countRows()).toEqual(whole(9))
    rmSync(join(folder, old), { recursive: true })
    expect(await archive()).toMatchObject({ step: 'dropped' })
  })

  test('sealed details that are cut off, continued, or of another month do not open', async () => {
    await fill(old, 9)
    await archive({ isDropped: false })
    const path = join(folder, old, 'details.sealed')
    const bytes = readFileSync(path)
    const read = async (month = old) => {
      for await (const line of readDetailsFile(path, { monthKey, month })) expect(line).toBeTruthy()
    }
    await read()
    await expect(read('2021-04')).rejects.toThrow('被改动')
    const lastLength = 12 + 16
    for (const changed of [
      bytes.subarray(0, -1),
      bytes.subarray(0, -(lastLength + 4)),
      Buffer.concat([bytes, bytes]),
      Buffer.alloc(0),
    ]) {
      writeFileSync(path, changed)
      await expect(read()).rejects.toThrow('被改动')
    }
  })

  test('an archive of another log, however whole, is not this one’s', async () => {
    await fill(old, 9)
    await archive({ isDropped: false })
    const foreign = mkdtempSync(join(tmpdir(), 'shuqiao-archive-'))
    cpSync(join(folder, old), join(foreign, old), { recursive: true })
    await app.end()
    await own.drop()
    await openLog()
    await fill(old, 9)
    await expect(archive({ folder: foreign })).rejects.toThrow('未移出任何数据')
    expect(await countRows()).toEqual(whole(9))
    rmSync(foreign, { recursive: true })
  })
})

describe('broken off between any two steps, it goes on', () => {
  const points = [
    'tree written',
    'behind begun',
    'details written',
    'behind exported',
    'manifest written',
    'behind sealed',
    'drop logged',
    'behind verified',
  ]
  test.each(points)('killed at: %s', async (point) => {
    const ids = await fill(old, 12)
    const leaves = await leafBytesOf(ids)
    const kill = (what: string): void => {
      if (what === point) throw new Error(`killed: ${what}`)
    }
    await expect(archive({ tell: kill })).rejects.toThrow(`killed: ${point}`)
    const gone = point === 'behind verified'
    expect(await countRows()).toEqual(whole(gone ? 0 : 12))
    const passed: string[] = []
    const done = await archive({ tell: (what) => void passed.push(what) })
    expect(done).toMatchObject({ step: 'dropped', entryCount: 12 })
    const [at, width] = [points.indexOf(point), 2]
    // A step that was recorded is not done again; one that was not is done from its beginning.
    expect(passed).toEqual(points.slice(Math.floor((at + 1) / width) * width))
    expect(await store().bundle(0, 12)).toEqual(leaves)
    expect(await countRows()).toEqual(whole(0))
  })

  test('what a kill left half-written is written anew', async () => {
    await fill(old, 12)
    await archive({ isDropped: false })
    renameSync(join(folder, old), join(folder, `${old}.part`))
    rmSync(join(folder, `${old}.part`, 'checkpoint'))
    await expect(archive()).rejects.toThrow('未移出任何数据')
    expect(await archive()).toMatchObject({ step: 'dropped' })
    expect(existsSync(join(folder, `${old}.part`))).toBe(false)
  })

  test('two at once: one archives, the other says so', async () => {
    await fill(old, 12)
    const results = await Promise.allSettled([archive(), archive(), archive()])
    const done = results.filter(({ status }) => status === 'fulfilled')
    expect(done.length).toBeGreaterThan(0)
    expect((await archive()).step).toBe('dropped')
    expect(logged).toHaveLength(1)
  })
})

test('a redaction sends a verified archive back: the value is in no file of it afterwards', async () => {
  const ids = await fill(old, 5)
  const entry = ids[2] ?? ''
  await archive({ isDropped: false })
  const { rows } = await app.query<{ details: Buffer }>(
    'select details from audit.search where id = $1',
    [entry],
  )
  const detailsSeen = rows[0]?.details ?? Buffer.of()
  const left = eraseFacts(openDetails(monthKey, detailsSeen), ['operator'])
  const redactions = redactionStore(own.database.knex)
  const id = idAt('2026-01-01T00:00:00Z', 1)
  const asked = { entry, facts: ['operator'], instrument: null, reason: '测试' }
  await redactions.insert({ ...asked, id, requestedBy: 'auditor-1' })
  const detailsLeft = sealDetails(monthKey, left.facts, left.salts)
  const taken = { detailsSeen, detailsLeft, erased: left.erased }
  await redactions.execute({ ...taken, id, officer: 'admin', toldIn: ids[0] ?? '' })
  expect((await listArchives(pool()))[0]).toMatchObject({ step: 'exported', verifiedAt: null })
  await archive()
  const lines = await detailsLines()
  expect(lines.join('\n')).not.toContain(detailsSeen.toString('hex'))
  expect(lines.join('\n')).toContain(detailsLeft.toString('hex'))
  const ledger = lines.map((line) => JSON.parse(line)).filter(({ table }) => table === 'redactions')
  expect(ledger).toMatchObject([{ row: { entry, digests: left.erased } }])
})
