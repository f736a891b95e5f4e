import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { changeNumberGap } from '../../../src/hub/backup/after-restore.ts'
import { noteRestore } from '../../../src/hub/backup/note-restore.ts'
import { makeSchema, planMigrations } from '../../../src/hub/backup/restore-schema.ts'
import { readManifest } from '../../../src/hub/backup/manifest.ts'
import { restoreBackup, type Restored } from '../../../src/hub/backup/restore-backup.ts'
import { openCopyClient } from '../../../src/hub/backup/snapshot.ts'
import { verifyBackup } from '../../../src/hub/backup/verify-backup.ts'
import { writeBackup } from '../../../src/hub/backup/write-backup.ts'
import type { AuditFacts } from '../../../src/hub/audit/facts.ts'
import { openDatabase } from '../../../src/hub/database/connect.ts'
import { type Config, loadConfig } from '../../../src/hub/config.ts'
import { migrate } from '../../../src/hub/database/migrate.ts'
import { migrationsFolder } from '../../../src/hub/database/migration-files.ts'
import { type RunningHub, startHub } from '../../../src/hub/main.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../../support/database.ts'
import { person } from '../sharing/support.ts'
import { awkward, fillWorld, type FilledWorld } from './support.ts'

let world: FilledWorld
let folder: string
let backup: string
let keysDir: string
/** The followers' cursors: as of the backup, and after what the backup does not know. */
let cursors: { before: string; after: string }
let target: EmptyDatabase
let restored: Restored
let tablesAtBackup: Record<string, string>
const cleanUps: (() => Promise<void>)[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shuqiao-drill-'))
  world = await fillWorld()
  keysDir = world.hub.app.hub.config.keysDir
  const before = await changes('0')
  backup = join(folder, 'backup')
  await writeBackup({ url: urls().app, folder: backup })
  tablesAtBackup = await digestTables(urls().superuser)
  await world.push('people', [person('lost-1'), person('lost-2', { division: 'B' })])
  cursors = { before, after: await changes(before) }
  target = await createTarget()
  restored = await restoreBackup({ folder: backup, config: configOf(target), restoredBy: '值班员' })
})
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  await world.hub.close()
  rmSync(folder, { recursive: true, force: true })
})

const urls = () => world.hub.testDatabase.urls

async function changes(after: string): Promise<string> {
  const answer = await world.ask('GET', `/resources/people/changes?after=${after}`)
  return answer.json().next
}

async function createTarget(): Promise<EmptyDatabase> {
  const empty = await createEmptyDatabase()
  cleanUps.push(() => empty.drop())
  return empty
}

const configOf = (empty: EmptyDatabase): Config =>
  loadConfig({
    SHUQIAO_DATA_DIR: join(folder, 'data'),
    SHUQIAO_KEYS_DIR: keysDir,
    SHUQIAO_DATABASE_URL: empty.urls.app,
    SHUQIAO_MIGRATION_URL: empty.urls.owner,
    SHUQIAO_PORT: '0',
    SHUQIAO_LOG_LEVEL: 'silent',
  })

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await openCopyClient(url)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const query = (url: string, sql: string): Promise<Record<string, unknown>[]> =>
  withClient(url, async (client) => (await client.query(sql)).rows)

/** Row count and a digest of every row of every table, by name. */
const digestTables = (url: string): Promise<Record<string, string>> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname = any('{hub,records,audit}')`,
    )
    const digests: Record<string, string> = {}
    for (const { name } of rows) {
      const found = await client.query<{ digest: string }>(
        `select count(*) || ' ' || coalesce(md5(string_agg(line, '|' order by line)), '') as digest
         from (select md5(to_jsonb(t)::text) as line from ${name} t) lines`,
      )
      digests[name] = found.rows[0]?.digest ?? ''
    }
    return digests
  })

test('every table comes back row by row, but for what a restore has to change', async () => {
  const now = await digestTables(target.urls.superuser)
  const differing = Object.keys(tablesAtBackup).filter((name) => now[name] !== tablesAtBackup[name])
  const entries = differing.filter((name) => name.startsWith('audit.'))
  expect(
    entries.every((name) => /^audit\.(entries|search)(_\d{4}_\d\d)?$|^audit\.pending$/.test(name)),
  ).toBe(true)
  expect(differing.filter((name) => !name.startsWith('audit.')).toSorted()).toEqual([
    'hub.change_numbers',
    'hub.runs',
    'hub.settings',
    'hub.syncs',
  ])
  expect(tablesAtBackup['records.r_1']).toMatch(/^3 /)
  const [row] = await query(target.urls.app, `select * from records.r_1 where _key = 'p1'`)
  expect(row).toMatchObject({ homes: [{ unit: 'U1', owner: '张三', address: awkward }] })
})

test('columns, keys, indexes, owners and rights are the same as before', async () => {
  const facts = `
    select format('%s %s', c.oid::regclass, pg_get_userbyid(c.relowner)) as line
      from pg_class c where c.relnamespace = any('{hub,records,audit}'::regnamespace[]) and c.relkind <> 't'
    union all select format('%s %s %s %s', a.attrelid::regclass, a.attname, format_type(atttypid, atttypmod), attnotnull)
      from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = any('{hub,records,audit}'::regnamespace[]) and attnum > 0
    union all select pg_get_indexdef(indexrelid) from pg_index i join pg_class c on c.oid = i.indrelid
      where c.relnamespace = any('{hub,records,audit}'::regnamespace[])
    union all select format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
      where connamespace = any('{hub,records,audit}'::regnamespace[])
    union all select format('%s %s %s', tgrelid::regclass, tgname, tgenabled) from pg_trigger where not tgisinternal
    order by 1`
  const was = await query(urls().superuser, facts)
  expect(was.length).toBeGreaterThan(300)
  expect(await query(target.urls.superuser, facts)).toEqual(was)
})

test('the backup is readable by its owner alone, whole, and never overwritten', async () => {
  expect(statSync(backup).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(backup)) {
    expect([name, statSync(join(backup, name)).mode & 0o777]).toEqual([name, 0o600])
  }
  expect(existsSync(join(backup, 'keys'))).toBe(false)
  expect((await verifyBackup(backup)).digest).toBe(restored.opened.digest)
  await expect(writeBackup({ url: urls().app, folder: backup })).rejects.toThrow(
    'is not overwritten',
  )
})

test('a backup that fails leaves nothing under its name', async () => {
  const place = join(folder, 'failed')
  const { drop, urls: nothing } = await createEmptyDatabase()
  await expect(writeBackup({ url: nothing.app, folder: place })).rejects.toThrow(
    'nothing to back up',
  )
  await drop()
  expect([existsSync(place), existsSync(`${place}.part`)]).toEqual([false, false])
})

/** A copy of the backup, with something done to it. */
function spoiled(name: string, spoil: (copy: string) => void): string {
  const copy = join(folder, name)
  cpSync(backup, copy, { recursive: true })
  spoil(copy)
  return copy
}

test('a changed, shortened or missing file and an altered manifest are refused before anything is written', async () => {
  const file = 'records.r_1.copy.zst'
  const manifest = (copy: string) => join(copy, 'manifest.json')
  const flip = (copy: string): void => {
    const bytes = readFileSync(join(copy, file))
    bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1
    writeFileSync(join(copy, file), bytes)
  }
  const broken = [
    spoiled('flipped', flip),
    spoiled('longer', (copy) => appendFileSync(join(copy, file), 'x')),
    spoiled('missing', (copy) => rmSync(join(copy, file))),
    spoiled('altered', (copy) =>
      writeFileSync(
        manifest(copy),
        readFileSync(manifest(copy), 'utf8').replace('"rows": 3', '"rows": 4'),
      ),
    ),
    spoiled('headless', (copy) => rmSync(manifest(copy))),
    spoiled('unsummed', (copy) => rmSync(join(copy, 'SHA256SUMS'))),
  ]
  const empty = await createTarget()
  for (const copy of broken) {
    const restore = restoreBackup({ folder: copy, config: configOf(empty), restoredBy: 'x' })
    await expect(restore, copy).rejects.toThrow(/damaged|no complete backup/)
  }
  expect(
    await query(
      empty.urls.owner,
      `select nspname from pg_namespace where nspname in ('hub', 'records', 'audit')`,
    ),
  ).toEqual([])
})

test('a database that holds anything is refused and left as it was', async () => {
  const before = await digestTables(target.urls.superuser)
  const again = restoreBackup({ folder: backup, config: configOf(target), restoredBy: 'x' })
  await expect(again).rejects.toThrow('overwrites nothing')
  expect(await digestTables(target.urls.superuser)).toEqual(before)
})

test('a backup of migrations that the program does not have is refused', () => {
  const { migrations } = readManifest(backup).manifest
  const newer = { version: 9998, name: '9998_later.sql', sha256: 'x', appliedAt: '2026-01-01' }
  expect(() => planMigrations([...migrations, newer])).toThrow('9998_later.sql')
  const altered = migrations.map((migration) => ({ ...migration, sha256: 'x' }))
  expect(() => planMigrations(altered)).toThrow('0001_')
  expect(planMigrations(migrations.slice(0, -1)).after).toHaveLength(1)
})

test('a backup of an older program is loaded into its own tables, which are then brought up to date', async () => {
  const older = await createTarget()
  const migrations = join(folder, 'older-migrations')
  const names = readManifest(backup)
    .manifest.migrations.slice(0, 6)
    .map(({ name }) => name)
  for (const name of names) cpSync(join(migrationsFolder, name), join(migrations, name))
  await migrate({ url: older.urls.owner, folder: migrations })
  await query(
    older.urls.owner,
    `insert into hub.departments (id, name, division, kind) values ('old', '旧', '430182', 'department')`,
  )
  const place = join(folder, 'older')
  await writeBackup({ url: older.urls.app, folder: place })
  const empty = await createTarget()
  await restoreBackup({ folder: place, config: configOf(empty), restoredBy: 'x' })
  expect(await query(empty.urls.app, 'select name from hub.departments')).toEqual([{ name: '旧' }])
  expect(await query(empty.urls.app, 'select * from hub.syncs')).toEqual([])
  await expect(migrate({ url: empty.urls.owner })).resolves.toEqual([])
})

test('half a restore is refused by every hub, and restoring again begins anew', async () => {
  const empty = await createTarget()
  const plan = planMigrations(readManifest(backup).manifest.migrations)
  await withClient(empty.urls.owner, (client) => makeSchema(client, plan))
  await withClient(empty.urls.app, (client) => client.query('create table records.r_1 (x text)'))
  await expect(startHub(configOf(empty))).rejects.toThrow('restore-incomplete')
  await restoreBackup({ folder: backup, config: configOf(empty), restoredBy: 'x' })
  expect((await digestTables(empty.urls.superuser))['records.r_1']).toBe(
    tablesAtBackup['records.r_1'],
  )
})

test('a restore that the server breaks off leaves half a restore, not a hub', async () => {
  const empty = await createTarget()
  const cut = restoreBackup({
    folder: backup,
    config: configOf(empty),
    restoredBy: 'x',
    tell: ({ step, table }) => {
      if (step !== 'loading' || table !== 'hub.runs') return
      throw new Error('cut off')
    },
  })
  await expect(cut).rejects.toThrow('cut off')
  await expect(startHub(configOf(empty))).rejects.toThrow('restore-incomplete')
})

test('a backup taken while pushes go on is of one instant: runs count exactly the records that are there', async () => {
  let place = ''
  let pushed = 0
  // A backup that was done before two pushes were says nothing: another is taken.
  for (let before = 0; pushed - before < 2;) {
    place = join(folder, `busy-${pushed}`)
    before = pushed
    const taking = { isDone: false }
    const taken = writeBackup({ url: urls().app, folder: place }).finally(() => {
      taking.isDone = true
    })
    while (!taking.isDone) {
      const rows = Array.from({ length: 50 }, (_, at) => ({
        thing: `b${pushed * 50 + at}`,
        amount: '1',
      }))
      await world.push('busy', rows)
      pushed += 1
    }
    await taken
  }
  const empty = await createTarget()
  await restoreBackup({ folder: place, config: configOf(empty), restoredBy: 'x' })
  const [found] = await query(
    empty.urls.superuser,
    `select (select coalesce(sum(inserted_count), 0)::int from hub.runs where resource = 'busy') as counted,
       (select count(*)::int from records.r_4) as held,
       (select last_seq::int8 - ${changeNumberGap} from hub.change_numbers where resource = 'busy') as last,
       (select coalesce(max(_seq), 0) from records.r_4) as highest`,
  )
  expect(found).toMatchObject({ held: found?.['counted'], last: found?.['highest'] })
})

/** A hub on the restored database, with the same keys. */
async function onRestored<T>(work: (call: Call) => Promise<T>): Promise<T> {
  const hub: RunningHub = await startHub(configOf(target))
  try {
    return await work(async (token, method, path, body) => {
      const answer = await fetch(`${hub.url}/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          'x-purpose': 'item-1',
          'x-operator': encodeURIComponent('李四'),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return { status: answer.status, body: (await answer.json()) as Answer['body'] }
    })
  } finally {
    await hub.stop()
  }
}

interface Answer {
  status: number
  body: {
    code: string
    state: string
    next: string
    items: { key: string; op: string; seq: number; operation: string }[]
  }
}
type Call = (token: string, method: string, path: string, body?: unknown) => Promise<Answer>

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const giveUpAt = Date.now() + 45_000
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error('It did not come about')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('a hub goes on with it: followers begin anew, numbers never repeat, what was queued lands', () =>
  onRestored(async (call) => {
    const run = async (id: string) => (await call(world.machine, 'GET', `/runs/${id}`)).body
    await until(async () => (await run(world.queuedRun)).state === 'succeeded')
    const follow = async (after: string): Promise<Answer> =>
      call(world.desk, 'GET', `/resources/people/changes?after=${after}&limit=2`)
    for (const cursor of [cursors.before, cursors.after]) {
      expect((await follow(cursor)).body).toMatchObject({ code: 'cursor-expired' })
    }
    const seen: Record<string, string> = {}
    let next = '0'
    for (let page = await follow(next); page.body.items.length > 0; page = await follow(next)) {
      expect(page.status).toBe(200)
      for (const { key, op } of page.body.items) seen[key] = op
      next = page.body.next
    }
    expect(seen).toMatchObject({ p1: 'upsert', p2: 'upsert', q1: 'upsert' })
    expect(Object.keys(seen)).not.toContain('lost-1')

    const pushed = await call(world.machine, 'POST', '/resources/people/batches', [person('new')])
    expect(pushed.body).toMatchObject({ state: 'succeeded', counts: { inserted: 1 } })
    const after = await follow(next)
    expect(after.body.items.map(({ key }) => key)).toEqual(['new'])
    const given = after.body.items[0]?.seq
    expect(given).toBeGreaterThan(Number(cursors.after.split('.')[0]))
    expect(given).toBeGreaterThan(changeNumberGap)
  }))

test('runs of syncs that were under way have failed, deliveries begin anew under new numbers', async () => {
  const runs = await query(
    target.urls.app,
    `select sync, state, error ->> 'code' as code, leased_until from hub.runs where sync is not null order by sync`,
  )
  const failed = { state: 'failed', code: 'unavailable', leased_until: null }
  expect(runs).toEqual([
    { sync: 'deliver', ...failed },
    { sync: 'pull', ...failed },
  ])
  const syncs = await query(
    target.urls.app,
    'select id, position, generation, batch_number::int from hub.syncs order by id',
  )
  expect(syncs).toEqual([
    { id: 'deliver', position: null, generation: 100_004, batch_number: 1_000_000_017 },
    { id: 'pull', position: { seq: 3 }, generation: 4, batch_number: 17 },
  ])
})

test('sealed rejects open, and the audit log finds old entries and the restore itself', () =>
  onRestored(async (call) => {
    const rejects = await call(world.operator, 'GET', `/runs/${world.rejectedRun}/rejects`)
    expect(rejects.body.items).toMatchObject([{ source: { personId: 'p9', bornOn: '去年' } }])
    const entries = await call(world.auditor, 'GET', '/audit/entries?resource=people&limit=100')
    const operations = entries.body.items.map(({ operation }) => operation)
    expect(operations).toContain('records.changes')
    const note = await call(world.auditor, 'GET', `/audit/entries/${restored.auditEntry}`)
    const { manifest, digest } = restored.opened
    expect(note.body).toMatchObject({
      facts: {
        operation: 'hub.restored',
        operator: '值班员',
        note: {
          manifestDigest: digest,
          takenAt: manifest.takenAt,
          lastAuditEntry: manifest.lastAuditEntry,
        },
      },
    })
  }))

test('without the keys the restore is whole, and its audit entry is written once they are there', async () => {
  const empty = await createTarget()
  const config = { ...configOf(empty), keysDir: join(folder, 'no-keys') }
  const made = await restoreBackup({ folder: backup, config, restoredBy: 'x' })
  expect(made.auditEntry).toBeNull()
  const database = await openDatabase({ url: empty.urls.app })
  const facts: AuditFacts[] = []
  const auditLog = {
    append: async (given: AuditFacts) => {
      facts.push(given)
      return { id: 'entry', leaf: '' }
    },
  }
  expect(await noteRestore(database.pool, auditLog)).toBe('entry')
  expect(await noteRestore(database.pool, auditLog)).toBeNull()
  await database.close()
  expect(facts).toMatchObject([{ operation: 'hub.restored', operator: 'x' }])
})

test('with the keys: apart in the backup, verified, put in place, and never over others', async () => {
  const place = join(folder, 'with-keys')
  await writeBackup({ url: urls().app, folder: place, keysDir })
  expect(statSync(join(place, 'keys')).mode & 0o777).toBe(0o700)
  expect(statSync(join(place, 'keys/settings.key')).mode & 0o777).toBe(0o600)
  const empty = await createTarget()
  const config = { ...configOf(empty), keysDir: join(folder, 'new-keys') }
  const made = await restoreBackup({ folder: place, config, restoredBy: 'x' })
  expect(made.auditEntry).not.toBeNull()
  const key = (dir: string) => readFileSync(join(dir, 'settings.key'), 'utf8')
  expect(key(config.keysDir)).toBe(key(keysDir))
  writeFileSync(join(config.keysDir, 'settings.key'), 'other')
  const onto = { ...configOf(await createTarget()), keysDir: config.keysDir }
  const refused = restoreBackup({ folder: place, config: onto, restoredBy: 'x' })
  await expect(refused).rejects.toThrow('other keys')
  writeFileSync(join(place, 'keys/settings.key'), 'changed')
  await expect(verifyBackup(place)).rejects.toThrow('damaged')
})
