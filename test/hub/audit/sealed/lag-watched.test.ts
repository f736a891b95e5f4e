import { v7 } from 'uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../../../src/hub/database/log.ts'
import { sealLagLimits } from '../../../../src/hub/audit/sealed/seal-lag.ts'
import {
  type LagWatch,
  sealingWarnings,
  stopWhenBehind,
  watchLag,
} from '../../../../src/hub/audit/sealed/watch-lag.ts'
import { buildWorld, freshResource, type World } from '../../sharing/support.ts'
import { sealBeside, untilSealed } from './support.ts'

let world: World
let watch: LagWatch | undefined
beforeAll(async () => {
  const current = {
    get lag() {
      return watch?.lag ?? null
    },
  }
  world = await buildWorld({ auditLog: (log) => stopWhenBehind(log, current) })
})
afterAll(async () => {
  await watch?.close()
  await world.hub.close()
})

/** An entry that was logged so long ago, and that no sealer has come to since. */
const addWaiting = (seconds: number): Promise<unknown> =>
  world.hub.app.hub.database.pool.query(
    `with entry as (
       insert into audit.entries (id, leaf_bytes, leaf_hash)
       values ($1, 'waiting', sha256('\\x00'::bytea || 'waiting'::bytea)) returning id)
     insert into audit.pending select id from entry`,
    [v7({ msecs: Date.now() - seconds * 1000 })],
  )

test('what waits in the log itself warns from 70 % on, stops calls at 100 %, and lets them go on once it is sealed', async () => {
  const { pool } = world.hub.app.hub.database
  const { read } = await freshResource(world)('waiting')
  const lag = (watch = watchLag(pool, silentLog))
  const { waitingSecondsMax, warnShare } = sealLagLimits
  const told = async () => {
    await lag.refresh()
    return { status: (await read('p1')).statusCode, warnings: (await sealingWarnings(lag)).length }
  }
  expect(await told()).toEqual({ status: 200, warnings: 0 })
  await addWaiting(warnShare * waitingSecondsMax + 1)
  expect(await told()).toEqual({ status: 200, warnings: 1 })
  await addWaiting(waitingSecondsMax + 1)
  expect(await told()).toEqual({ status: 503, warnings: 1 })
  const sealer = await sealBeside(world.hub)
  await untilSealed(pool)
  expect(await told()).toEqual({ status: 200, warnings: 0 })
  await sealer.close()
})
