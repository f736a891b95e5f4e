import { parseArgs } from 'node:util'
import { loadConfig } from '../src/hub/config.ts'
import { migrate, readMigrationStatus } from '../src/hub/database/migrate.ts'
import { provideDatabase } from '../src/hub/database/provide.ts'
import { StartRefusal } from '../src/hub/start-refusal.ts'

const help = `用法 / usage: npm run migrate [-- --status | --help]

把数据库升级到本程序的版本。使用 SHUQIAO_MIGRATION_URL(未设置时用 SHUQIAO_DATABASE_URL);
两者都未设置时,使用 SHUQIAO_DATA_DIR 里的内置 PostgreSQL(数桥须已停止)。
Brings the database to this program's version, through SHUQIAO_MIGRATION_URL, else
SHUQIAO_DATABASE_URL, else the embedded PostgreSQL in SHUQIAO_DATA_DIR (with the hub stopped).

  --status  列出已执行与待执行的迁移,不作更改 / list applied and pending migrations, change nothing
  --help    显示本说明 / show this text`

const options = { status: { type: 'boolean' }, help: { type: 'boolean' } } as const

async function run(): Promise<void> {
  const { values } = parseArgs({ options })
  if (values.help) return console.log(help)
  const provided = await provideDatabase(loadConfig(process.env))
  try {
    await (values.status ? showStatus : applyPending)(provided.urls.migration)
  } finally {
    await provided.stop()
  }
}

async function applyPending(url: string): Promise<void> {
  const applied = await migrate({ url })
  for (const name of applied) console.log(`已执行 / applied  ${name}`)
  if (applied.length === 0) console.log('数据库已是最新 / the database is up to date')
}

async function showStatus(url: string): Promise<void> {
  const { applied, pending } = await readMigrationStatus({ url })
  for (const { name, appliedAt } of applied) console.log(`${appliedAt}  ${name}`)
  for (const name of pending) console.log(`待执行 / pending           ${name}`)
}

try {
  await run()
} catch (error) {
  console.error(error instanceof StartRefusal ? error.message : error)
  process.exitCode = 1
}
