import { loadConfig } from '../src/hub/config.ts'
import { type RunningHub, startHub } from '../src/hub/main.ts'
import { StartRefusal } from '../src/hub/start-refusal.ts'

const help = `数桥 Shuqiao: npm start

  启动共享交换枢纽;未配置数据库时自带 PostgreSQL。
  Starts the hub, with a PostgreSQL of its own where none is configured.

环境变量 / Environment (all optional):
  SHUQIAO_PORT, SHUQIAO_HOST        8080, 127.0.0.1
  SHUQIAO_DATA_DIR                  .data
  SHUQIAO_KEYS_DIR                  <data dir>/keys
  SHUQIAO_DATABASE_URL              PostgreSQL 15+; SHUQIAO_MIGRATION_URL, SHUQIAO_DATABASE_DIRECT_URL
  SHUQIAO_REDIS_URL                 the queue on Redis
  SHUQIAO_ROLES                     api,worker,scheduler,sealer; SHUQIAO_WORKERS_SMALL, _LARGE: 3, 1
  SHUQIAO_FILES_DIR                 <data dir>/files: folders that syncs may use
  SHUQIAO_TIMESTAMP_URL, SHUQIAO_TIMESTAMP_CA, SHUQIAO_GUOMI, SHUQIAO_BOARD_WRITABLE
  SHUQIAO_ADMIN_TOKEN               first start: token of the first bureau-admin
  SHUQIAO_LOG_LEVEL                 info
  SHUQIAO_TLS_CERT, SHUQIAO_TLS_KEY PEM files
  SHUQIAO_TRUST_PROXY               addresses of proxies whose X-Forwarded-For is believed
  SHUQIAO_CALLS_PER_SECOND          600 per token; 0 lifts the limit
`

/** How long a stop may take before it is given up. */
const stopMsMax = 9500

async function main(): Promise<void> {
  if (process.argv.slice(2).some((argument) => ['-h', '--help', 'help'].includes(argument))) {
    process.stdout.write(help)
    return
  }
  // A terminal sends the signal to the launcher and to us, and the launcher passes it on: twice is once.
  const asked = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, asked.resolve)
  const hub = await startHub(loadConfig(process.env))
  await asked.promise
  await stop(hub)
}

async function stop(hub: RunningHub): Promise<void> {
  setTimeout(() => {
    process.stderr.write('停止超时,强制退出 / Stopping took too long; ended by force\n')
    process.exit(1)
  }, stopMsMax).unref()
  await hub.stop()
  process.exit(0)
}

try {
  await main()
} catch (error) {
  if (!(error instanceof StartRefusal)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
