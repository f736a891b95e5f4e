import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { monthRetentionEndsAt } from '../../../src/hub/audit/archive/retention.ts'
import { logGauges, type LogGaugeParts } from '../../../src/hub/audit/log-gauges.ts'
import { readAtMostEvery } from '../../../src/hub/http/metrics.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { idAt, makeMonth, writeEntries } from './archive-samples.ts'
import { connect, keys } from './audit-samples.ts'
import { appendPlain, sealBeside, untilSealed } from './sealed/support.ts'

const authority = { url: 'http://127.0.0.1:9/', caPath: '/nowhere/ca.pem' }
let hub: TestHub
let app: pg.Client
beforeAll(async () => {
  hub = await buildTestHub({ config: { timestamps: authority } })
  app = await connect(hub.testDatabase.urls.app)
})
afterAll(async () => {
  await app.end()
  await hub.close()
})

const gaugesOf = (more: Partial<LogGaugeParts> = {}) => {
  const pool = hub.app.hub.database.pool
  return new Map(
    logGauges({ pool, authority, intervalMs: 0, ...more }).map(({ name, read }) => [name, read]),
  )
}
const due = async (): Promise<number | undefined> =>
  gaugesOf().get('shuqiao_audit_archive_months_due')?.()
const age = async (): Promise<number | undefined> =>
  gaugesOf().get('shuqiao_audit_timestamp_age_seconds')?.()

/** The month so many months ago, `2023-01`. */
function month(ago: number): string {
  const now = new Date()
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago, 1))
  return first.toISOString().slice(0, 7)
}

async function fill(of: string, isPartitioned = true): Promise<void> {
  if (isPartitioned) await makeMonth(hub.testDatabase, of)
  const given = [1, 2, 3].map((n) => ({ id: idAt(`${of}-1${n}T05:06:07Z`, n) }))
  await writeEntries(app, keys, given)
}

const step = (of: string, to: string) =>
  app.query(
    `update audit.archives set step = $2, entry_count = 3, first_position = 0, last_position = 2,
       manifest_digest = 'x', verified_at = case when $2 = 'verified' then now() end where month = $1`,
    [of, to],
  )

describe('months due for the archive', () => {
  test('are those past their retention that hold entries, until their archive is verified', async () => {
    expect(await due()).toBe(0)
    const [kept, last, older, ancient] = [month(36), month(37), month(40), month(90)]
    expect(monthRetentionEndsAt(kept).getTime()).toBeGreaterThan(Date.now())
    expect(monthRetentionEndsAt(last).getTime()).toBeLessThanOrEqual(Date.now())
    await makeMonth(hub.testDatabase, month(39))
    await fill(kept)
    await fill(month(0), false)
    expect(await due()).toBe(0)
    await fill(last)
    expect(await due()).toBe(1)
    await fill(older)
    await fill(ancient, false)
    expect(await due()).toBe(3)

    await app.query('insert into audit.archives (month, folder) values ($1, $2)', [older, '/x'])
    expect(await due()).toBe(3)
    await step(older, 'verified')
    expect(await due()).toBe(2)
    // As a redaction does, which makes the file of details out of date.
    await step(older, 'exported')
    expect(await due()).toBe(3)
  })
})

describe('the age of the last timestamp', () => {
  test('is unknown before the first, and then that of the last one', async () => {
    expect(await age()).toBeNaN()
    const { pool } = hub.app.hub.database
    const sealer = await sealBeside(hub)
    const owner = await connect(hub.testDatabase.urls.sealer)
    for (const hours of [5, 2]) {
      await appendPlain(pool, 1)
      const size = await untilSealed(pool)
      await owner.query(
        `insert into audit.timestamps (size, token, at) values ($1, '\\x30', now() - make_interval(hours => $2))`,
        [size, hours],
      )
    }
    await sealer.close()
    await owner.end()
    const seconds = (await age()) ?? 0
    expect(seconds).toBeGreaterThanOrEqual(7200)
    expect(seconds).toBeLessThan(5 * 3600)
  })

  test('is told only where timestamps are made', async () => {
    const without = await buildTestHub()
    const scrape = async (of: TestHub): Promise<string> =>
      (await of.call('GET', '/metrics', { address: '127.0.0.1' })).body
    expect(await scrape(hub)).toMatch(/^shuqiao_audit_timestamp_age_seconds \d/m)
    expect(await scrape(hub)).toMatch(/^shuqiao_audit_archive_months_due 3$/m)
    expect(await scrape(without)).toMatch(/^shuqiao_audit_archive_months_due 0$/m)
    expect(await scrape(without)).not.toContain('timestamp_age')
    await without.close()
  })
})

describe('a reading that is asked for often', () => {
  test('asks its source once in its interval, also of scrapes that come together', async () => {
    let asked = 0
    const read = async (): Promise<number> => (asked += 1)
    const rarely = readAtMostEvery(3_600_000, read)
    expect(await Promise.all([rarely(), rarely()])).toEqual([1, 1])
    expect([await rarely(), asked]).toEqual([1, 1])
    const always = readAtMostEvery(0, read)
    expect([await always(), await always()]).toEqual([2, 3])
  })

  test('is NaN where it fails, so that the other metrics are told all the same', async () => {
    const away = { query: () => Promise.reject(new Error('the database is away')) }
    for (const read of gaugesOf({ pool: away }).values()) expect(await read()).toBeNaN()
  })
})
