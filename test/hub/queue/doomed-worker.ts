import { inTransaction, openDatabase } from '../../../src/hub/database/connect.ts'
import { silentLog } from '../../../src/hub/database/log.ts'
import { openRunQueue } from '../../../src/hub/queue/run-queue.ts'
import { startWorking } from '../../../src/hub/syncs/work-lanes.ts'
import { landingWork } from './landing-work.ts'

/** A worker process that a test kills: `doomed-worker.ts <database URL> <Redis URL or nothing>`. */
const [url = '', redisUrl] = process.argv.slice(2)
const database = await openDatabase({ url })
const { pool } = database
const queue = openRunQueue({ directUrl: url, redisUrl, log: silentLog })
const work = landingWork((change) => inTransaction(pool, change), {
  pool,
  onBatch: async (number) => {
    process.stdout.write(`batch ${number}\n`)
    // The third is the last that this process gets to see.
    if (number === 3) await new Promise(() => setInterval(() => undefined, 1000))
  },
})
await startWorking({
  pool,
  queue,
  works: { pull: work },
  workStored: async () => undefined,
  workerCounts: { small: 1, large: 0 },
  holder: `doomed ${process.pid}`,
  log: silentLog,
})
