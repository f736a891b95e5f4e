import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hubProcess } from './soak/hub-process.ts'
import { soakPushes } from './soak/soak-pushes.ts'
import { shakingFaults, soakSyncs } from './soak/soak-syncs.ts'

const usage = `npm run soak -- [pushes] [syncs] [--kills N] [--rows N] [--seconds N] [--redis] [--seed N]

故障演练,不给名称则两项都做 / Fault runs; both when none is named:
  pushes      推送期间随机 kill -9 枢纽与其 PostgreSQL,核对没有丢失、没有重复、计数相符
              kills the hub and its PostgreSQL at random instants of pushes
  syncs       源表每秒变更 500 行,同时杀枢纽、杀 PostgreSQL、断网、清空队列;停下后逐行比对
              a source changes while the hub, PostgreSQL, network and queue are taken away; compares row by row

  --kills N   杀枢纽的次数 / kills (pushes 20, syncs 10)
  --rows N    每次推送的行数,或每秒变更的行数 / rows of each push, or changed per second (60000, 500)
  --seconds N syncs 的时长 / how long syncs are shaken (240)
  --cut N     断网的秒数 / seconds without the way to the source (60)
  --redis     syncs 的队列用 Redis,并清空重启它一次 / the queue is on Redis, which loses everything once
  --seed N    随机种子 / seed of the instants`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string' },
    rows: { type: 'string' },
    seconds: { type: 'string', default: '240' },
    cut: { type: 'string', default: '60' },
    redis: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    help: { type: 'boolean', default: false },
  },
})

const adminToken = 'sq_soak-administrator'
const seed = Number(values.seed)

async function pushes(): Promise<string[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-soak-'))
  const hub = await hubProcess(dataDir, adminToken)
  const [kills, rows] = [Number(values.kills ?? 20), Number(values.rows ?? 60_000)]
  try {
    return await soakPushes(hub, { adminToken, kills, rows, seed })
  } finally {
    await hub.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function syncs(): Promise<string[]> {
  const seconds = Number(values.seconds)
  console.log(`syncs: seed ${seed}, ${seconds} s${values.redis ? ', queue on Redis' : ''}`)
  const result = await soakSyncs({
    adminToken,
    seconds,
    rowsPerSecond: Number(values.rows ?? 500),
    hubKills: Number(values.kills ?? 10),
    postgresKills: 2,
    cutSeconds: Math.min(Number(values.cut), seconds),
    withRedis: values.redis,
    seed,
    log: console.log,
  })
  console.log(`${result.changeCount} changes at the source, ${result.workedCount} runs moved rows`)
  return shakingFaults(result)
}

const parts = { pushes, syncs }
const isPart = (name: string): name is keyof typeof parts => Object.hasOwn(parts, name)

async function soak(): Promise<void> {
  const unknown = positionals.filter((name) => !isPart(name))
  if (values.help || unknown.length > 0) {
    console.log(unknown.length > 0 ? `? ${unknown.join(' ')}\n\n${usage}` : usage)
    process.exitCode = unknown.length > 0 ? 2 : 0
    return
  }
  const names = positionals.length === 0 ? ['pushes', 'syncs'] : positionals
  const faults: string[] = []
  for (const name of names.filter(isPart)) faults.push(...(await parts[name]()))
  for (const fault of faults) console.error(`✗ ${fault}`)
  if (faults.length === 0) console.log('✓ nothing lost, nothing doubled, all counts add up')
  process.exitCode = faults.length === 0 ? 0 : 1
}

await soak()
