import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AuditFacts, AuditLog } from '../../../src/hub/audit/facts.ts'
import { openAuditKeys } from '../../../src/hub/audit/keys.ts'
import { CallCounters } from '../../../src/hub/audit/watch/call-counters.ts'
import { watchLimits } from '../../../src/hub/audit/watch/limits.ts'
import { usageStore } from '../../../src/hub/audit/watch/usage-store.ts'
import { type CallWatch, openWatch, watchCalls } from '../../../src/hub/audit/watch/watch-calls.ts'
import { silentLog } from '../../../src/hub/database/log.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
let auditor: string
let system: string
let made = 0
/** 11:00 in Shanghai. */
const noon = new Date('2026-03-10T03:00:00.000Z')
const after = (hours: number, from = noon): Date => new Date(from.getTime() + hours * 3_600_000)
let now = noon
const watches: CallWatch[] = []

beforeAll(async () => {
  hub = await buildTestHub()
  auditor = await hub.makeStaff('auditor-1', ['auditor'])
  await hub.makeDepartment('housing')
  await hub.makeDepartment('police')
})
beforeEach(() => {
  made += 1
  system = `desk-${made}`
  now = noon
})
afterAll(async () => {
  for (const watch of watches) await watch.close()
  await hub.close()
})

function watchOver(log: AuditLog = hub.app.hub.auditLog): CallWatch {
  const { database, keys } = hub.app.hub
  const clock = { now: () => now }
  const watch = openWatch({ database, log, keys: openAuditKeys(keys), clock, faults: silentLog })
  watches.push(watch)
  return watch
}

const call = (more: Partial<AuditFacts> = {}): AuditFacts => ({
  operation: 'records.read',
  outcome: 'allowed',
  requestId: 'r',
  requestedAt: now,
  system,
  department: 'housing',
  resource: 'people',
  subjects: [{ resource: 'people', key: 'x' }],
  rowCount: 1,
  ...more,
})
const asked = (key: string | number, more: Partial<AuditFacts> = {}): AuditFacts =>
  call({ subjects: [{ resource: 'people', key: String(key) }], ...more })

interface Told {
  kind: string
  department: string | null
  evidence: Record<string, unknown>
}
const hints = async (query = '', token = auditor): Promise<Told[]> => {
  const path = `/v1/audit/hints?system=${system}${query}`
  const answer = await hub.call('GET', path, { token })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json().items
}
const kinds = async (): Promise<string[]> => (await hints()).map(({ kind }) => kind)

const times = (count: number, work: (index: number) => void): void => {
  for (let index = 0; index < count; index++) work(index)
}

describe('many absents', () => {
  test('are told once an hour, with their counts, and never below the least number or share', async () => {
    const watch = watchOver()
    times(watchLimits.absentCallsMin - 1, () => watch.see(call({ outcome: 'absent' })))
    await watch.flush()
    expect(await kinds()).toEqual([])
    times(20, () => watch.see(call({ outcome: 'absent' })))
    await watch.flush()
    times(20, () => watch.see(call({ outcome: 'absent' })))
    await watch.flush()
    const [hint, ...more] = await hints()
    expect(more).toEqual([])
    expect(hint).toMatchObject({
      kind: 'many-absents',
      department: 'housing',
      evidence: { calls: watchLimits.absentCallsMin, absents: watchLimits.absentCallsMin },
    })
    now = after(1)
    times(60, (index) => watch.see(call({ outcome: index % 2 === 1 ? 'absent' : 'allowed' })))
    await watch.flush()
    expect(await kinds()).toEqual(['many-absents'])
    times(60, () => watch.see(call({ outcome: 'absent' })))
    await watch.flush()
    expect(await kinds()).toEqual(['many-absents', 'many-absents'])
  })
})

describe('sequential keys', () => {
  const citizen = (sequence: number): string => `1101011990030${String(sequence).padStart(4, '0')}X`

  test('are told where a system walks through numbers, up or down, whatever the check digit', async () => {
    const watch = watchOver()
    times(20, (index) => watch.see(asked(citizen(index), { outcome: 'absent' })))
    await watch.flush()
    expect(await kinds()).toEqual(['sequential-keys'])
    system = `${system}-down`
    times(20, (index) => watch.see(asked(`B-${5000 - index * 2}`, { operation: 'records.verify' })))
    await watch.flush()
    const [hint] = await hints()
    expect(hint?.kind).toBe('sequential-keys')
    // As keys have it: four digits may stand by chance in the hint's id.
    expect(JSON.stringify(hint)).not.toMatch(/B-|\b5000\b/)
  })

  test('are told of one call with many keys, too', async () => {
    const watch = watchOver()
    const subjects = Array.from({ length: 30 }, (_, key) => ({ resource: 'people', key: `${key}` }))
    watch.see(call({ operation: 'records.query', subjects }))
    await watch.flush()
    expect(await kinds()).toEqual(['sequential-keys'])
  })

  test('are not: far apart, to and fro, the same again, without digits, or what a list answered', async () => {
    const watch = watchOver()
    times(100, (index) => watch.see(asked((index * 7919) % 100_003)))
    times(100, (index) => watch.see(asked(index % 2)))
    times(100, () => watch.see(asked(42)))
    times(100, () => watch.see(asked('某人')))
    times(100, (index) => watch.see(asked(index, { operation: 'records.list' })))
    await watch.flush()
    expect(await kinds()).toEqual([])
  })
})

describe('a new address', () => {
  test('is told, but not a system’s first, nor one it has called from within 30 days', async () => {
    const watch = watchOver()
    const from = async (address: string): Promise<void> => {
      watch.see(call({ address }))
      await watch.flush()
    }
    await from('10.0.0.1')
    await from('10.0.0.1')
    expect(await kinds()).toEqual([])
    await from('10.0.0.2')
    expect(await kinds()).toEqual(['new-address'])
    now = after(24 * 29)
    await from('10.0.0.1')
    await from('10.0.0.2')
    expect(await kinds()).toEqual(['new-address'])
    now = after(24 * 58)
    await from('10.0.0.1')
    now = after(24 * 60)
    await from('10.0.0.2')
    expect(await kinds()).toEqual(['new-address', 'new-address'])
  })

  test('is known to another process of the hub as well', async () => {
    const [one, other] = [watchOver(), watchOver()]
    for (const watch of [one, other]) {
      watch.see(call({ address: '10.0.0.1' }))
      await watch.flush()
    }
    expect(await kinds()).toEqual([])
  })
})

const used = (from: Date, hours: number, usage: { calls?: number; records?: number }) =>
  usageStore(hub.app.hub.database.pool).add([
    {
      system,
      hour: after(hours, from).getTime(),
      callCount: usage.calls ?? 0,
      recordCount: usage.records ?? 0,
    },
  ])

describe('a burst at night', () => {
  /** 23:00 in Shanghai. */
  const night = new Date('2026-03-10T15:00:00.000Z')

  test('is told where it is many times the usual of that system', async () => {
    now = after(0.5, night)
    const watch = watchOver()
    times(watchLimits.nightCallsMin, () => watch.see(call()))
    await watch.flush()
    expect(await watch.look()).toBe(true)
    expect(await hints()).toMatchObject([
      { kind: 'night-burst', evidence: { calls: watchLimits.nightCallsMin, usual: 0 } },
    ])
  })

  test('is none by day, nor where it is usual', async () => {
    await used(noon, 0, { calls: 100_000 })
    now = after(0.5)
    const watch = watchOver()
    await watch.look()
    expect(await kinds()).toEqual([])
    for (let day = 1; day <= 7; day++) {
      for (let hour = 0; hour < 7; hour++) await used(night, hour - 24 * day, { calls: 1000 })
    }
    await used(night, 0, { calls: 1500 })
    now = after(0.5, night)
    await watch.look()
    expect(await kinds()).toEqual([])
  })
})

describe('a jump of records taken out', () => {
  test('is told where a day has many times the usual of that system, counted from its calls', async () => {
    for (const day of [1, 2, 3]) await used(noon, -24 * day, { records: 100 })
    const watch = watchOver()
    watch.see(call({ rowCount: 900 }))
    watch.see(call({ operation: 'batches.push', subjects: undefined, rowCount: 10_000 } as never))
    await watch.flush()
    await watch.look()
    expect(await kinds()).toEqual([])
    now = after(1)
    watch.see(call({ operation: 'records.list', rowCount: 100 }))
    await watch.flush()
    await watch.look()
    expect(await hints()).toMatchObject([
      { kind: 'quota-jump', evidence: { records: 1000, usual: 100 } },
    ])
  })

  test('is none for a system that is hardly known yet', async () => {
    for (const day of [1, 2]) await used(noon, -24 * day, { records: 100 })
    await used(noon, 0, { records: 100_000 })
    const watch = watchOver()
    await watch.look()
    expect(await kinds()).toEqual([])
  })
})

describe('the watch', () => {
  test('tells a hint once an hour over all processes of the hub', async () => {
    const both = [watchOver(), watchOver()]
    for (const watch of both) times(60, () => watch.see(call({ outcome: 'absent' })))
    await Promise.all(both.map((watch) => watch.flush()))
    expect(await kinds()).toEqual(['many-absents'])
  })

  test('lets the log answer as it did, and looks at nothing that was not written', async () => {
    const seen: AuditFacts[] = []
    const receipt = { id: 'i', leaf: 'l' }
    const refused = new Error('full')
    const log = watchCalls(
      {
        append: (facts: AuditFacts) =>
          facts.outcome === 'failed' ? Promise.reject(refused) : Promise.resolve(receipt),
        other: 1,
      },
      { see: (facts) => seen.push(facts) },
    )
    expect(await log.append(call())).toBe(receipt)
    await expect(log.append(call({ outcome: 'failed' }))).rejects.toBe(refused)
    expect([seen.length, log.other]).toEqual([1, 1])
  })

  test('tells nothing and goes on when the log cannot be written, and tells it later', async () => {
    let isBroken = true
    const { auditLog } = hub.app.hub
    const watch = watchOver({
      append: (facts) => (isBroken ? Promise.reject(new Error('full')) : auditLog.append(facts)),
    })
    times(60, () => watch.see(call({ outcome: 'absent' })))
    await watch.flush()
    isBroken = false
    watch.see(call({ outcome: 'absent' }))
    await watch.flush()
    expect(await kinds()).toEqual(['many-absents'])
  })

  test('remembers so many systems and no more', () => {
    const counters = new CallCounters()
    times(watchLimits.systemsMax + 100, (index) => counters.see(call({ system: `s-${index}` })))
    expect(counters.size).toBe(watchLimits.systemsMax)
  })
})

describe('hints', () => {
  test('are found by kind and time, by staff who may read the log, of their department or of all', async () => {
    const watch = watchOver()
    times(60, () => watch.see(call({ outcome: 'absent' })))
    times(20, (index) => watch.see(asked(index)))
    await watch.flush()
    const of = async (query: string, token?: string) =>
      (await hints(query, token)).map(({ kind }) => kind)
    expect(await of('&kind=many-absents')).toEqual(['many-absents'])
    expect((await of('&from=2020-01-01T00:00:00Z')).length).toBe(2)
    expect(await of('&to=2020-01-01T00:00:00Z')).toEqual([])
    const own = await hub.makeStaff('own', ['share-office-head'], 'housing')
    const other = await hub.makeStaff('other', ['share-office-head'], 'police')
    expect((await of('', own)).length).toBe(2)
    expect(await of('', other)).toEqual([])
    const developer = await hub.makeStaff('dev', ['developer'], 'housing')
    const refused = await hub.call('GET', '/v1/audit/hints', { token: developer })
    expect(refused.json().code).toBe('role-missing')
    const page = (
      await hub.call('GET', `/v1/audit/hints?system=${system}&limit=1`, { token: auditor })
    ).json()
    expect(page.items.length).toBe(1)
    expect(page.next).not.toBeNull()
  })
})
