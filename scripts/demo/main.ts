import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../../src/hub/config.ts'
import { startHub, type RunningHub } from '../../src/hub/main.ts'
import { StartRefusal } from '../../src/hub/start-refusal.ts'
import { foundCity } from './city.ts'
import { heading, say } from './print.ts'
import { departmentStore } from './department-store.ts'
import { runSyncs } from './syncs.ts'
import { takeOut } from './take-out.ts'
import { publishAll, pushRegistry, pushSamples } from './put-in.ts'

const usage = `npm run demo -- [--exit] [--legal-persons FILE.csv]

演示一座小城: 四个部门推送样例数据,审批系统申请、获得授权、查询一次并被拒绝一次,看谁查过这条记录;
最后从一个部门的库表拉取,并向订阅方的库表投递。
Plays a small city: four departments push their samples, an approval system applies, is granted,
queries, is refused once; it shows who looked at a record; then a department's table is pulled and a
subscriber's is filled.

  --exit                     演示结束后停止 / stop the hub at the end (it keeps running otherwise)
  --legal-persons FILE.csv   另推送一份真实的工商登记文件 / also push a real registry file
  --help                     本说明 / this text`

const dataDir = resolve('.data/demo')

/** Port 8080 when it is free, as `npm start` has it; else any. */
async function startDemoHub(adminToken: string): Promise<RunningHub> {
  rmSync(dataDir, { recursive: true, force: true })
  const settings = {
    SHUQIAO_LOG_LEVEL: 'error',
    SHUQIAO_CALLS_PER_SECOND: '0',
    ...process.env,
    SHUQIAO_DATA_DIR: dataDir,
    SHUQIAO_KEYS_DIR: join(dataDir, 'keys'),
    SHUQIAO_ADMIN_TOKEN: adminToken,
  }
  try {
    return await startHub(loadConfig(settings))
  } catch (error) {
    const isTaken = error instanceof StartRefusal && /SHUQIAO_PORT/.test(error.message)
    if (!isTaken || process.env['SHUQIAO_PORT'] !== undefined) throw error
    return startHub(loadConfig({ ...settings, SHUQIAO_PORT: '0' }))
  }
}

async function play(hub: RunningHub, adminToken: string, registryFile?: string): Promise<void> {
  const city = await foundCity(hub.url, adminToken)
  await publishAll(city)
  await pushSamples(city)
  if (registryFile !== undefined) await pushRegistry(city, readFileSync(registryFile))
  await takeOut(city)
  await runSyncs(city, await departmentStore(hub, dataDir))
}

function tellWhereNext(hub: RunningHub, adminToken: string): void {
  heading('接下来', 'Where to go next')
  say(`  接口文档 / API documentation: ${hub.url}/docs`)
  say(`  管理员令牌 / administrator's token: ${adminToken}`)
  say(`  curl -H "Authorization: Bearer ${adminToken}" ${hub.url}/v1/resources`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      exit: { type: 'boolean', default: false },
      'legal-persons': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return say(usage)
  const adminToken = `sq_${randomBytes(32).toString('base64url')}`
  const hub = await startDemoHub(adminToken)
  let isPlayed = false
  try {
    await play(hub, adminToken, values['legal-persons'])
    tellWhereNext(hub, adminToken)
    isPlayed = true
  } finally {
    if (values.exit || !isPlayed) await hub.stop()
  }
  if (values.exit) return say('\n演示结束 / The demo is over')
  say('\n按 Ctrl-C 停止 / Press Ctrl-C to stop')
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      void hub.stop().then(() => process.exit(0))
    })
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof StartRefusal ? error.message : error)
  process.exitCode = 1
})
