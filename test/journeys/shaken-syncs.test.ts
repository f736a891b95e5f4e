import { expect, test } from 'vitest'
import { shakingFaults, soakSyncs } from '../../scripts/soak/soak-syncs.ts'

// The short form of `npm run soak -- syncs`: the same run with fewer blows, on the queue of this project.
test('source, records and subscriber are the same after the hub, its database, its queue and the network failed', async () => {
  const result = await soakSyncs({
    adminToken: 'sq_journey-administrator',
    seconds: 30,
    rowsPerSecond: 500,
    hubKills: 2,
    postgresKills: 1,
    cutSeconds: 5,
    withRedis: process.env['SHUQIAO_TEST_QUEUE'] === 'redis',
    seed: 11,
    log: () => undefined,
  })
  expect(shakingFaults(result)).toEqual([])
  expect(result.changeCount).toBeGreaterThan(1000)
}, 600_000)
