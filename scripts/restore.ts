import { hostname, userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { progressPrinter } from '../src/hub/backup/progress.ts'
import { restoreBackup, type Restored } from '../src/hub/backup/restore-backup.ts'
import { loadConfig } from '../src/hub/config.ts'
import { StartRefusal } from '../src/hub/start-refusal.ts'

const help = `用法 / usage: npm run restore -- --from <备份目录 / backup> [--into <postgres://…>] [--operator <姓名 / name>]

把备份恢复到空数据库;先核对全部校验值,再写入。目标为 --into,否则为 SHUQIAO_DATABASE_URL
(属主为 SHUQIAO_MIGRATION_URL),都未设置时为新的 SHUQIAO_DATA_DIR 里的内置 PostgreSQL。
Restores a backup into an empty database, having compared every digest first: --into, else
SHUQIAO_DATABASE_URL (as its owner SHUQIAO_MIGRATION_URL), else the embedded PostgreSQL of a new
SHUQIAO_DATA_DIR. A restore that breaks off leaves a database that no hub starts on; run it again.

  --from <dir>      备份目录 / the backup
  --into <url>      只用这一个连接的空数据库 / an empty database, used with this one connection
  --operator <name> 记入审计日志的经办人 / who is named in the audit log
  --help            显示本说明 / show this text

退出码 / exit codes: 0 完成 done, 1 未完成 not done, 2 参数有误 bad arguments`

const options = {
  from: { type: 'string' },
  into: { type: 'string' },
  operator: { type: 'string' },
  help: { type: 'boolean' },
} as const

const print = (line: string): void => void process.stdout.write(`${line}\n`)

function readArguments() {
  try {
    const { values } = parseArgs({ options })
    return values.help === true || values.from !== undefined ? values : null
  } catch {
    return null
  }
}

async function run(values: NonNullable<ReturnType<typeof readArguments>>): Promise<void> {
  if (values.help) return print(help)
  if (values.from === undefined) return
  const { into } = values
  const environment =
    into === undefined
      ? process.env
      : {
          ...process.env,
          SHUQIAO_DATABASE_URL: into,
          SHUQIAO_DATABASE_DIRECT_URL: into,
          SHUQIAO_MIGRATION_URL: into,
        }
  const restored = await restoreBackup({
    folder: values.from,
    config: loadConfig(environment),
    restoredBy: values.operator ?? `${userInfo().username}@${hostname()}`,
    tell: progressPrinter(print),
  })
  conclude(restored)
}

function conclude({ opened, auditEntry }: Restored): void {
  const { takenAt } = opened.manifest
  print(`已恢复到 ${takenAt} / Restored as of ${takenAt}`)
  print(`清单 / manifest SHA-256 ${opened.digest}`)
  print(
    auditEntry === null
      ? '本机没有原密钥:请先放好密钥目录再启动,审计条目 hub.restored 将在启动时写入。\n' +
          'The original keys are not on this host: put the keys folder in place before the start, which then writes the audit entry hub.restored.'
      : `审计条目 / audit entry hub.restored ${auditEntry}`,
  )
  print(
    '备份之后的变更已丢失。请逐项处理:备份后停用的令牌、人员与暂停、终止的授权现又有效,须再次停用;\n' +
      '推送方补推,读后即删的来源(已标记的交换表、已归档的文件)须补录;增量订阅者将收到 410 并重新全量。\n' +
      'What changed after the backup is lost. Tokens, staff and grants withdrawn since then are live again: withdraw them again.\n' +
      'Providers push again; sources that forget what was read (marked exchange rows, archived files) need a backfill; followers get 410 and begin anew.',
  )
}

const values = readArguments()
if (values === null) {
  console.error(help)
  process.exitCode = 2
} else {
  await run(values).catch((error: unknown) => {
    console.error(error instanceof StartRefusal ? error.message : error)
    process.exitCode = 1
  })
}
