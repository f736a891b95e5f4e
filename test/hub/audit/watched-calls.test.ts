import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAuditKeys } from '../../../src/hub/audit/keys.ts'
import { watchLimits } from '../../../src/hub/audit/watch/limits.ts'
import { type CallWatch, openWatch, watchCalls } from '../../../src/hub/audit/watch/watch-calls.ts'
import { systemClock } from '../../../src/hub/clock.ts'
import { silentLog } from '../../../src/hub/database/log.ts'
import { buildWorld, freshResource, type World } from '../sharing/support.ts'

let world: World
let auditor: string
let watch: CallWatch | undefined
beforeAll(async () => {
  world = await buildWorld({
    auditLog: (log) => watchCalls(log, { see: (facts) => watch?.see(facts) }),
  })
  auditor = await world.hub.makeStaff('auditor-1', ['auditor'])
  const { database, keys, auditLog } = world.hub.app.hub
  watch = openWatch({
    database,
    log: auditLog,
    keys: openAuditKeys(keys),
    clock: systemClock,
    faults: silentLog,
  })
})
afterAll(async () => {
  await watch?.close()
  await world.hub.close()
})

interface Hint {
  id: string
  kind: string
}
const hints = async (): Promise<Hint[]> =>
  (await world.call(auditor, 'GET', '/audit/hints?system=desk')).json().items

test('calls as systems make them give hints, each an entry of the log with a leaf of its own, that names no key', async () => {
  const { ask } = await freshResource(world)('watched')
  for (let call = 0; call < 2 * watchLimits.absentCallsMin; call += 1) {
    const answer = await ask('records/read', { key: `31010${call}` })
    expect(answer.statusCode).toBe(404)
  }
  const answers = [1, 2].map((last) =>
    world.hub.call('POST', '/v1/resources/watched/records/read', {
      token: world.desk,
      body: { key: 'p1' },
      headers: { 'x-purpose': 'item-1', 'x-operator': 'operator' },
      address: `192.0.2.${last}`,
    }),
  )
  await Promise.all(answers)
  await watch?.flush()
  const found = await hints()
  const kinds = new Set(found.map(({ kind }) => kind))
  expect(kinds).toEqual(new Set(['many-absents', 'sequential-keys', 'new-address']))
  for (const { id } of found) {
    const entry = (await world.call(auditor, 'GET', `/audit/entries/${id}`)).json()
    expect(entry.receipt.leaf).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.stringify(entry.facts)).not.toContain('31010')
  }
})
