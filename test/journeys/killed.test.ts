import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultsOf } from '../../scripts/soak/judge-kills.ts'
import { type HubProcess, hubProcess } from '../../scripts/soak/hub-process.ts'
import { killPushes } from '../../scripts/soak/kill-pushes.ts'
import { seeded } from '../../scripts/soak/seeded.ts'

const adminToken = 'sq_journey-administrator'
let dataDir: string
let hub: HubProcess

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-killed-'))
  hub = await hubProcess(dataDir, adminToken)
})

afterAll(async () => {
  await hub.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

// The short form of `npm run soak`: the same run with three kills.
test('loses and doubles nothing when the hub or its PostgreSQL is killed during pushes', async () => {
  const result = await killPushes({
    hub,
    adminToken,
    victims: ['hub', 'postgres', 'hub'],
    rowCount: 45_000,
    random: seeded(7),
    log: () => undefined,
  })
  expect(faultsOf(result)).toEqual([])
  expect(result.acknowledged.size).toBeGreaterThan(45_000)
  expect(result.followed.size).toBe(result.acknowledged.size)
}, 300_000)
