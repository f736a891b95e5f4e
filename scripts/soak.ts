import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hubProcess } from './soak/hub-process.ts'
import { faultsOf } from './soak/judge-kills.ts'
import { killPushes, type Victim } from './soak/kill-pushes.ts'
import { seeded } from './soak/seeded.ts'

const usage = `npm run soak -- [--kills N] [--rows N] [--seed N]

故障演练: 推送期间随机 kill -9 枢纽与其 PostgreSQL,核对没有丢失、没有重复、计数相符。
Kills the hub and its PostgreSQL at random instants of pushes; nothing acknowledged may be lost or doubled.

  --kills N   次数 / how many (20)
  --rows N    每次推送的行数 / rows of each push (60000)
  --seed N    随机种子 / seed of the instants`

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    rows: { type: 'string', default: '60000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    help: { type: 'boolean', default: false },
  },
})

async function soak(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-soak-'))
  const adminToken = 'sq_soak-administrator'
  const hub = await hubProcess(dataDir, adminToken)
  const victims = Array.from({ length: Number(values.kills) }, (_, index): Victim =>
    index % 2 === 0 ? 'hub' : 'postgres',
  )
  console.log(`seed ${values.seed}, ${victims.length} kills, ${values.rows} rows a push`)
  try {
    const result = await killPushes({
      hub,
      adminToken,
      victims,
      rowCount: Number(values.rows),
      random: seeded(Number(values.seed)),
      log: console.log,
    })
    const faults = faultsOf(result)
    console.log(
      `${result.struckCount} kills struck a push under way; ${result.followed.size} records`,
    )
    for (const fault of faults) console.error(`✗ ${fault}`)
    if (faults.length === 0) console.log('✓ nothing lost, nothing doubled, all counts add up')
    process.exitCode = faults.length === 0 ? 0 : 1
  } finally {
    await hub.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

if (values.help) console.log(usage)
else await soak()
