import { parseArgs } from 'node:util'
import { jsonOf, linesOf } from './audit/print-verdicts.ts'
import { readBytes, Unreadable } from './audit/read-files.ts'
import type { KeptMessages } from '../src/shared/verify-messages.ts'
import { verifyAll } from './audit/verify.ts'
import { isGoodReport } from '../src/shared/proofs/findings.ts'

const help = `用法 / usage: npm run audit -- verify <目录或文件 / folder or file> [更多 more …]
                          [--key <公钥或文件>] [--known <检查点>] [--proof <证明>] [--json]
                        npm run audit -- verify <回执 / receipt> --salt <X-Audit-Salt>
                          [--request <请求体文件 / body>] [--answer <答复文件 / body>]
                        npm run audit -- export --month 2026-11 --to <新目录 / new folder> [--with-facts]

verify  离线核对:审计导出(目录)、回执(JSON)、检查点(文本),不需要数据库,也不需要数桥在运行。
        Checks offline, without a database and without the hub: an export (folder), a receipt (JSON),
        checkpoints (text).
  --key <key>     所信任的公钥,或含公钥的文件;可多次给出。不给则用导出或回执自带的公钥,其可信与否须另行确认
                  a verifier key that is trusted, or a file that holds it; may be repeated. Without it the key
                  that the export or receipt names is used, and trust in that must come from elsewhere
  --known <file>  早先保存的检查点;可多次给出,用以发现改写与回退
                  a checkpoint kept from before; may be repeated: finds a log rewritten or rolled back
  --proof <file>  /v1/audit/proofs/consistency 的回答;可多次给出 / answers of that call; may be repeated
  --salt <salt>   答复头 X-Audit-Salt 的值(数桥不留,请与答复一并保存),与下两项同用,只用于一份回执
                  the answer's X-Audit-Salt header (the hub forgets it: keep it); with the next two, for one receipt
  --request <file>  发出的请求体;无请求体的调用为路径与查询串,末尾不带换行。核对回执所记正是它
                  the body as it was sent, of a call without one its path and query, without a line break behind
  --answer <file>  收到的答复体;核对回执所记正是它 / the answer's body as it was received
  --json          结果供程序读取 / the result for machines

export  导出一个月(UTC)的条目、瓦片、检查点与公钥;数桥运行或停止时均可。数据库为 SHUQIAO_DATABASE_URL,
        未设置时为 SHUQIAO_DATA_DIR 里的内置 PostgreSQL。
        Exports the entries, tiles, checkpoints and keys of one month (UTC), while the hub runs or is stopped.
  --with-facts    同时导出每条的明细(需要密钥;含个人信息) / with what each entry says: needs the keys,
                  and is personal data

archive  归档一个月;见 archive --help / archives a month: see archive --help
rotate-key  换签名密钥;见 rotate-key --help / the next signing key: see rotate-key --help

退出码 / exit codes: 0 全部通过 all is well, 1 有误 something is wrong, 2 参数有误或文件无法读取 bad arguments or files`

const options = {
  key: { type: 'string', multiple: true },
  known: { type: 'string', multiple: true },
  proof: { type: 'string', multiple: true },
  salt: { type: 'string' },
  request: { type: 'string' },
  answer: { type: 'string' },
  json: { type: 'boolean', default: false },
  month: { type: 'string' },
  to: { type: 'string' },
  'with-facts': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false, short: 'h' },
} as const

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const lineMs = 1000

/** At most one line a second, on the side: the result alone goes to standard output. */
function progressOf(what: string): (done: number, total: number) => void {
  let toldAtMs = performance.now()
  return (done, total) => {
    if (performance.now() - toldAtMs < lineMs) return
    toldAtMs = performance.now()
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100)
    process.stderr.write(`${String(percent).padStart(3)}%  ${what} ${done}/${total}\n`)
  }
}

function readArguments() {
  try {
    const args = joinSalt(process.argv.slice(2))
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const [command, ...names] = positionals
    const isWhole =
      (command === 'verify' && names.length > 0 && isKeptWhole(names, values)) ||
      (command === 'export' && names.length === 0 && isMonth(values.month) && !!values.to)
    return values.help || isWhole ? { values, command, names } : null
  } catch {
    return null
  }
}

interface Kept {
  salt?: string | undefined
  request?: string | undefined
  answer?: string | undefined
}

/** A salt is of one call, and nothing without what it was used for. */
const isKeptWhole = (names: readonly string[], { salt, request, answer }: Kept): boolean =>
  (salt === undefined) === (request === undefined && answer === undefined) &&
  (salt === undefined || names.length === 1)

function keptMessages({ salt, request, answer }: Kept): KeptMessages | undefined {
  if (salt === undefined) return undefined
  const open = (name: string | undefined) =>
    name === undefined ? undefined : { name, bytes: readBytes(name) }
  return { salt, request: open(request), answer: open(answer) }
}

/** One salt in 64 begins with a dash: by itself it would be taken for an option. */
function joinSalt(args: readonly string[]): string[] {
  const at = args.indexOf('--salt')
  const salt = args[at + 1]
  return at < 0 || salt === undefined ? [...args] : args.toSpliced(at, 2, `--salt=${salt}`)
}

const isMonth = (month: string | undefined): boolean =>
  month !== undefined && /^\d{4}-(0[1-9]|1[0-2])$/.test(month)

async function run(asked: NonNullable<ReturnType<typeof readArguments>>): Promise<number> {
  const { values, command, names } = asked
  if (values.help) {
    print(help)
    return 0
  }
  if (command === 'export')
    return runExport(values.month ?? '', values.to ?? '', values['with-facts'])
  const { key: keys = [], known = [], proof: proofs = [] } = values
  const tell = progressOf('核对条目 / entries verified')
  const kept = keptMessages(values)
  const verdicts = await verifyAll({ names, keys, known, proofs, kept, tell })
  for (const line of values.json ? [jsonOf(verdicts)] : linesOf(verdicts)) print(line)
  return verdicts.every(isGoodReport) ? 0 : 1
}

async function runExport(month: string, folder: string, isWithFacts: boolean): Promise<number> {
  // What an auditor runs offline loads nothing of the hub.
  const { exportFromHub } = await import('./audit/export.ts')
  const steps = {
    writing: progressOf('写入文件 / files written'),
    verifying: progressOf('核对条目 / entries verified'),
  }
  const { entryCount, size } = await exportFromHub({
    month,
    folder,
    isWithFacts,
    tell: (step, done, total) => steps[step](done, total),
  })
  print(
    `✓ 已导出并核对 ${month}:${entryCount} 条,检查点 ${size} 条 / exported and verified: ${folder}`,
  )
  if (isWithFacts)
    print('! 导出含个人信息,请加密存放 / It holds personal data: store it encrypted.')
  return 0
}

const [first, ...rest] = process.argv.slice(2)

/** Archiving has options and a help of its own. */
async function runArchive(): Promise<number> {
  const { archiveCommand } = await import('./audit/archive.ts')
  return archiveCommand(rest)
}

async function runRotateKey(): Promise<number> {
  const { rotateKeyCommand } = await import('./audit/rotate-key.ts')
  return rotateKeyCommand(rest)
}

async function main(): Promise<number> {
  if (first === 'archive') return runArchive()
  if (first === 'rotate-key') return runRotateKey()
  const asked = readArguments()
  if (asked !== null) return run(asked)
  console.error(help)
  return 2
}

process.exitCode = await main().catch((error: unknown) => {
  const isForPeople = error instanceof Error && ['StartRefusal', 'Unreadable'].includes(error.name)
  console.error(isForPeople ? error.message : error)
  return error instanceof Unreadable ? 2 : 1
})
