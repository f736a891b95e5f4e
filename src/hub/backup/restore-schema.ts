import type { ClientBase } from 'pg'
import { type MigrationFile, readMigrations } from '../database/migration-files.ts'
import { StartRefusal } from '../start-refusal.ts'
import type { KeptMigration, Manifest } from './manifest.ts'

/**
 * A number that no migration has, in the ledger while a restore is under way. Every program, also one of
 * another version, refuses a database with a migration that it lacks; so none takes half a restore for a hub.
 */
const markVersion = 2_147_483_647
const markName =
  '(恢复未完成,请再次执行 npm run restore / restore-incomplete: run npm run restore again)'

/** The lock under which `migrate` works: a hub that starts meanwhile waits, and then finds the mark. */
const migrationsLock = 7_305_118_437

export const holdMigrations = (owner: ClientBase): Promise<unknown> =>
  owner.query('select pg_advisory_lock($1)', [migrationsLock])

/**
 * Makes sure that the target holds nothing, having removed what a restore that broke off left there
 * (no hub has ever run on that). Refuses anything else.
 */
export async function emptyTarget(owner: ClientBase): Promise<void> {
  if (await isMarked(owner)) {
    await dropRemains(owner)
    return
  }
  const { rows } = await owner.query<{ count: number }>(
    `select count(*) as count from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any('{hub,records,audit}')`,
  )
  if (rows[0]?.count === 0) return
  throw new StartRefusal(
    '目标数据库不是空的,恢复不会覆盖任何数据。请新建空数据库,或用 SHUQIAO_DATA_DIR 指定新的数据目录。' +
      ' / The target database is not empty, and a restore overwrites nothing. Create an empty one, or name a new data folder in SHUQIAO_DATA_DIR.',
  )
}

/** Record tables one by one, for the sake of the server's lock table; the mark goes last. */
async function dropRemains(owner: ClientBase): Promise<void> {
  const { rows } = await owner.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'records'`,
  )
  for (const { name } of rows) await owner.query(`drop table ${name}`)
  await owner.query('drop schema if exists hub, records, audit cascade')
}

async function isMarked(owner: ClientBase): Promise<boolean> {
  const { rows } = await owner.query<{ present: boolean }>(
    `select to_regclass('hub.migrations') is not null as present`,
  )
  if (rows[0]?.present !== true) return false
  const marks = await owner.query('select 1 from hub.migrations where version = $1', [markVersion])
  return marks.rows.length > 0
}

export interface MigrationPlan {
  /** Those that the backup's database had. */
  before: { file: MigrationFile; appliedAt: string }[]
  /** Those that this program has beyond them, run when the rows are in. */
  after: MigrationFile[]
}

/** Which migrations come before the rows and which after them; refuses a backup of a newer or altered program. */
export function planMigrations(kept: readonly KeptMigration[], folder?: string): MigrationPlan {
  const files = readMigrations(folder)
  const before = kept.map((migration) => {
    const file = files.find(({ version }) => version === migration.version)
    if (file?.digest !== migration.sha256) throw migrationUnknown(migration.name)
    return { file, appliedAt: migration.appliedAt }
  })
  const newest = kept.at(-1)?.version ?? 0
  const after = files.filter(({ version }) => !kept.some((done) => done.version === version))
  const late = after.find(({ version }) => version < newest)
  if (late) throw migrationUnknown(late.name)
  return { before, after }
}

function migrationUnknown(name: string): StartRefusal {
  return new StartRefusal(
    `备份与本程序的迁移 ${name} 不一致:请使用作备份的那个版本或更新的版本恢复。` +
      ` / Backup and program differ in migration ${name}: restore with the version that made the backup, or a newer one.`,
  )
}

/** Runs the migrations that the backup's database had, and marks the database as unfinished. */
export async function makeSchema(owner: ClientBase, plan: MigrationPlan): Promise<void> {
  await owner.query(`create schema if not exists hub;
    create table hub.migrations (
      version integer primary key,
      name text not null,
      sha256 text not null,
      applied_at timestamptz(3) not null default now()
    )`)
  await enter(owner, { version: markVersion, name: markName, digest: '' })
  for (const { file, appliedAt } of plan.before) await applyMigration(owner, file, appliedAt)
}

export async function applyMigration(
  owner: ClientBase,
  file: MigrationFile,
  appliedAt?: string,
): Promise<void> {
  // Nobody else is in this database yet: what was written to run beside the traffic can do without.
  await owner.query(file.transactional ? file.sql : file.sql.replaceAll(/\bconcurrently\b/gi, ''))
  await enter(owner, file, appliedAt)
}

const enter = (
  owner: ClientBase,
  file: Pick<MigrationFile, 'version' | 'name' | 'digest'>,
  appliedAt?: string,
): Promise<unknown> =>
  owner.query(
    `insert into hub.migrations (version, name, sha256, applied_at) values ($1, $2, $3, coalesce($4, now()))`,
    [file.version, file.name, file.digest, appliedAt],
  )

/** The months that the audit log had, so that entries of former months lie in theirs. */
export async function makeMonths(
  owner: ClientBase,
  { months }: Pick<Manifest, 'months'>,
): Promise<void> {
  for (const { parent, suffix, bounds } of months) {
    await owner.query(
      `select audit.make_partition($1, $2, $3) where to_regclass(format('audit.%I', $1 || '_' || $2)) is null`,
      [parent, suffix, bounds],
    )
  }
}

/** The last step: from its commit on the database is a hub's. */
export const unmark = (owner: ClientBase): Promise<unknown> =>
  owner.query('delete from hub.migrations where version = $1', [markVersion])
