import { type Client, DatabaseError } from 'pg'
import { migrateQueue } from './queue-schema.ts'
import { connectClient } from './clients.ts'
import { type Log, silentLog } from './log.ts'
import { type MigrationFile, readMigrations } from './migration-files.ts'
import { StartRefusal } from '../start-refusal.ts'

export interface MigrateOptions {
  /** Connection URL of the owner of the database's objects; a direct one, for the lock is a session's. */
  url: string
  folder?: string
  log?: Log
}

export interface MigrationStatus {
  applied: { version: number; name: string; appliedAt: string }[]
  pending: string[]
}

interface AppliedMigration {
  version: number
  name: string
  sha256: string
  appliedAt: string
}

/** Any constant serves, as long as nothing else of ours takes it: "shuqiao" read as a number. */
const advisoryLock = 7_305_118_437

/**
 * Brings the database to the code's version: each file of `migrations/` in its own transaction (a file
 * whose first line says `-- no transaction` holds one statement and runs outside), in order, once, under
 * one lock so that several hubs may start together. Answers the names applied now.
 * Refuses (`StartRefusal`) when an applied file has changed or the database is newer than the code.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const log = options.log ?? silentLog
  const files = readMigrations(options.folder)
  return withMigrationClient(options.url, async (client) => {
    await client.query('select pg_advisory_lock($1)', [advisoryLock])
    await createLedger(client)
    const pending = findPending(files, await readApplied(client))
    for (const file of pending) {
      await apply(client, file)
      log.info({ migration: file.name }, 'migration applied')
    }
    await migrateQueue(client)
    return pending.map((file) => file.name)
  })
}

/** What has been applied and what is still to come; changes nothing. The same refusals as `migrate`. */
export async function readMigrationStatus(options: MigrateOptions): Promise<MigrationStatus> {
  const files = readMigrations(options.folder)
  return withMigrationClient(options.url, async (client) => {
    const applied = await readApplied(client)
    const pending = findPending(files, applied)
    return {
      applied: applied.map(({ version, name, appliedAt }) => ({ version, name, appliedAt })),
      pending: pending.map((file) => file.name),
    }
  })
}

async function withMigrationClient<T>(
  url: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connectClient({ url, purpose: 'migrate', patienceMs: 20_000 })
  try {
    return await work(client)
  } finally {
    await client.end() // and the lock goes with the session
  }
}

async function createLedger(client: Client): Promise<void> {
  if (await hasLedger(client)) return
  await client.query(`
    create schema if not exists hub;
    create table hub.migrations (
      version integer primary key,
      name text not null,
      sha256 text not null,
      applied_at timestamptz(3) not null default now()
    )`)
}

async function hasLedger(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ present: boolean }>(
    `select to_regclass('hub.migrations') is not null as present`,
  )
  return rows[0]?.present ?? false
}

async function readApplied(client: Client): Promise<AppliedMigration[]> {
  if (!(await hasLedger(client))) return []
  const { rows } = await client.query<AppliedMigration>(
    `select version, name, sha256, applied_at as "appliedAt" from hub.migrations order by version`,
  )
  return rows
}

function findPending(files: MigrationFile[], applied: AppliedMigration[]): MigrationFile[] {
  for (const done of applied) {
    const file = files.find((file) => file.version === done.version)
    if (!file) throw databaseIsNewer(done.name)
    if (file.digest !== done.sha256) throw migrationChanged(file.name)
  }
  const newest = applied.at(-1)?.version ?? 0
  const pending = files.filter((file) => !applied.some((done) => done.version === file.version))
  const late = pending.find((file) => file.version < newest)
  if (late) {
    throw new StartRefusal(
      `迁移 ${late.name} 的编号小于已执行的 ${newest},请改用更大的编号。` +
        ` / Migration ${late.name} is numbered below ${newest}, which is applied already; give it a higher number.`,
    )
  }
  return pending
}

function databaseIsNewer(name: string): StartRefusal {
  return new StartRefusal(
    `数据库比程序新:已执行 ${name},而本程序没有这个迁移。请升级程序。` +
      ` / The database is newer than this program: it has ${name}, which this program lacks. Upgrade the program.`,
  )
}

function migrationChanged(name: string): StartRefusal {
  return new StartRefusal(
    `迁移 ${name} 执行后被修改。已执行的迁移不可改动,请恢复原文件并另写新迁移。` +
      ` / Migration ${name} was changed after it had been applied. Restore it and write a new one.`,
  )
}

async function apply(client: Client, file: MigrationFile): Promise<void> {
  try {
    if (file.transactional) await client.query('begin')
    await client.query(file.sql)
    await client.query('insert into hub.migrations (version, name, sha256) values ($1, $2, $3)', [
      file.version,
      file.name,
      file.digest,
    ])
    if (file.transactional) await client.query('commit')
  } catch (cause) {
    if (file.transactional) await client.query('rollback').catch(() => undefined)
    throw new Error(`Migration ${file.name} failed: ${describeFault(cause, file.sql)}`, { cause })
  }
}

/** The server says where by a character position; a person wants the line. */
function describeFault(cause: unknown, sql: string): string {
  if (!(cause instanceof DatabaseError)) return String(cause)
  if (!cause.position) return cause.message
  return `${cause.message} (line ${sql.slice(0, Number(cause.position)).split('\n').length})`
}
