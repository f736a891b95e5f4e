import { parseArgs } from 'node:util'
import { progressPrinter } from '../src/hub/backup/progress.ts'
import { reachDatabase } from '../src/hub/backup/source-database.ts'
import { verifyBackup } from '../src/hub/backup/verify-backup.ts'
import { writeBackup } from '../src/hub/backup/write-backup.ts'
import type { OpenedManifest } from '../src/hub/backup/manifest.ts'
import { loadConfig } from '../src/hub/config.ts'
import { StartRefusal } from '../src/hub/start-refusal.ts'

const help = `用法 / usage: npm run backup -- --to <新目录 / new folder> [--with-keys]
                        npm run backup -- --verify <备份目录 / backup>

备份数桥的全部数据(同一时刻的一致快照),数桥运行或停止时均可。数据库为 SHUQIAO_DATABASE_URL,
未设置时为 SHUQIAO_DATA_DIR 里的内置 PostgreSQL。消息队列不备份:恢复后排队中的运行会被再次唤起。
Backs up all of the hub's data as of one instant, while the hub runs or is stopped: the database in
SHUQIAO_DATABASE_URL, else the embedded PostgreSQL in SHUQIAO_DATA_DIR. The queue is left out on purpose:
runs that are queued are rung again after a restore.

  --to <dir>      写入的新目录,不覆盖已有目录 / the new folder; an existing one is never overwritten
  --with-keys     同时复制密钥目录 SHUQIAO_KEYS_DIR / copy the keys folder too
  --verify <dir>  只核对一份备份的全部校验值 / only compare every digest of a backup
  --help          显示本说明 / show this text

退出码 / exit codes: 0 完成 done, 1 未完成 not done, 2 参数有误 bad arguments`

const options = {
  to: { type: 'string' },
  'with-keys': { type: 'boolean' },
  verify: { type: 'string' },
  help: { type: 'boolean' },
} as const

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const tell = progressPrinter(print)

function readArguments() {
  try {
    const { values } = parseArgs({ options })
    const wanted = [values.to, values.verify].filter((folder) => folder !== undefined)
    return values.help === true || wanted.length === 1 ? values : null
  } catch {
    return null
  }
}

async function run(values: NonNullable<ReturnType<typeof readArguments>>): Promise<void> {
  if (values.help) return print(help)
  if (values.verify !== undefined) {
    const opened = await verifyBackup(values.verify, tell)
    print(`备份完整 / The backup is whole: ${values.verify}`)
    return describe(opened)
  }
  if (values.to === undefined) return
  const config = loadConfig(process.env)
  const reached = await reachDatabase(config)
  try {
    const keys = values['with-keys'] ? { keysDir: config.keysDir } : {}
    const opened = await writeBackup({ url: reached.url, folder: values.to, ...keys, tell })
    print(`备份完成 / Backed up: ${values.to}`)
    describe(opened)
    print(adviceOnKeys(opened, config.keysDir))
  } finally {
    await reached.stop()
  }
}

function describe({ manifest, digest }: OpenedManifest): void {
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0)
  const bytes = manifest.tables.reduce((sum, table) => sum + table.fileBytes, 0)
  print(`时刻 / instant  ${manifest.takenAt}`)
  print(`清单 / manifest SHA-256 ${digest}`)
  print(
    `${manifest.tables.length} 表 / tables, ${rows} 行 / rows, ${(bytes / 1_000_000).toFixed(1)} MB`,
  )
}

function adviceOnKeys({ manifest }: OpenedManifest, keysDir: string): string {
  if (manifest.keyFiles.length > 0) {
    return (
      '备份含密钥(keys/):持有者可解读全部密文,请将密钥与数据分开保管。\n' +
      'The backup holds the keys (keys/), which open everything that is sealed: keep them apart from the data.'
    )
  }
  return (
    `密钥不在备份中,请另行备份 ${keysDir};没有密钥,问题数据原文、同步任务的口令、审计明细与签名均无法恢复。\n` +
    `The keys are not in it: back up ${keysDir} separately. Without them the source rows of rejects, the secrets of syncs,\n` +
    'the details of the audit log and its signatures are lost. 备份含个人信息,请加密存放 / It holds personal data: store it encrypted.'
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
