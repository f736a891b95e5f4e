import { parseArgs } from 'node:util'
import { archiveMonth } from '../../src/hub/audit/archive/archive-month.ts'
import { type Archive, listArchives } from '../../src/hub/audit/archive/archive-store.ts'
import { monthRetentionEndsAt } from '../../src/hub/audit/archive/retention.ts'
import { StartRefusal } from '../../src/hub/start-refusal.ts'
import { type Reached, withHub, withLog } from './with-hub.ts'

export const archiveHelp = `用法 / usage: npm run audit -- archive --month 2022-11 --to <归档目录 / archive folder> [--drop]
                        npm run audit -- archive --list

将审计日志的一个月归档到 <归档目录>/<月份>:条目、瓦片、检查点与清单(任何人可用 verify 核对),另有用当月密钥
加密的明细。可随时重复执行,从中断处继续。--drop:保存满三年且再次核验后,把该月移出数据库;只整月移出,从不逐条
删除。归档目录改变后,再执行一次并指明新目录。
Archives a month of the audit log: its entries, tiles, checkpoint and manifest (anyone may verify them), and what the
entries say, sealed with the month's key. May be repeated; goes on where it was broken off. --drop: takes the month
out of the database once its three years are over and every file was read again; whole months only. Where the archive
was moved, run it again with the new folder.

退出码 / exit codes: 0 完成 done, 1 未完成 not done, 2 参数有误 bad arguments`

const options = {
  month: { type: 'string' },
  to: { type: 'string' },
  drop: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

function readArguments(args: readonly string[]) {
  try {
    const { values } = parseArgs({ args: [...args], options })
    const isWhole = values.month !== undefined && values.to !== undefined
    return isWhole || values.list || values.help ? values : null
  } catch {
    return null
  }
}

type Values = NonNullable<ReturnType<typeof readArguments>>

const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** `npm run audit -- archive …`; answers the exit code. */
export async function archiveCommand(args: readonly string[]): Promise<number> {
  const values = readArguments(args)
  if (values === null || values.help) {
    ;(values === null ? console.error : print)(archiveHelp)
    return values === null ? 2 : 0
  }
  try {
    await withHub((hub) => (values.list ? list(hub) : archive(hub, values)))
    return 0
  } catch (error) {
    console.error(error instanceof StartRefusal ? error.message : error)
    return 1
  }
}

const archive = (hub: Reached, values: Values): Promise<void> =>
  withLog(hub, async (auditLog, keys) => {
    const { url } = hub
    const call = { url, keys, auditLog, month: values.month ?? '', folder: values.to ?? '' }
    describe(await archiveMonth({ ...call, isDropped: values.drop === true, now: new Date() }))
  })

async function list({ database }: Reached): Promise<void> {
  for (const one of await listArchives(database.pool)) describe(one)
}

const stepNames: Record<Archive['step'], string> = {
  begun: '已开始 begun',
  exported: '已导出 exported',
  sealed: '明细已加密 details sealed',
  verified: '已核验 verified',
  dropped: '已移出数据库 dropped',
}

function describe({ month, folder, step, entryCount, manifestDigest }: Archive): void {
  print(`${month}  ${stepNames[step]}  ${entryCount ?? '-'} 条 / entries  ${folder}`)
  if (manifestDigest !== null) print(`         archive.json SHA-256 ${manifestDigest}`)
  const day = monthRetentionEndsAt(month).toISOString().slice(0, 10)
  if (step === 'verified') print(`         ${day} 起可移出(--drop)/ may be dropped from then on`)
}
