import { hash } from 'node:crypto'
import { Client } from 'pg'
import { v7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyEntry } from '../../../src/hub/audit/search-export.ts'
import { type EntryFilter, findLooks, searchEntries } from '../../../src/hub/audit/search.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
let auditor: string
beforeAll(async () => {
  hub = await buildTestHub()
  auditor = await hub.makeStaff('auditor-1', ['auditor'])
  await hub.makeDepartment('housing')
})
afterAll(() => hub.close())

const pool = () => hub.app.hub.database.pool
/** Filters of page ranges are made by vacuum, as they are at work. */
async function asOwner(sql: string): Promise<void> {
  const client = new Client({ connectionString: hub.testDatabase.urls.owner })
  await client.connect()
  await client.query(sql)
  await client.end()
}
const dayMs = 24 * 3_600_000
const daysAgo = (days: number): number => Date.now() - days * dayMs

/** Entries of the projection alone, at any time: months that were never made have their place too. */
async function put(at: number, values: Record<string, string>): Promise<string> {
  const id = v7({ msecs: at })
  const row = { id, ready_at: new Date(at), operation: 'records.read', outcome: 'allowed' }
  const columns = Object.entries({ ...row, ...values })
  await pool().query(
    `insert into audit.search (${columns.map(([name]) => name).join(', ')})
     values (${columns.map((_, index) => `$${index + 1}`).join(', ')})`,
    columns.map(([, value]) => value),
  )
  return id
}
/** Time enough for any search: one that runs out of it, as on a machine that stands still, is another test's. */
const ampleMs = 600_000
const found = async (filter: Partial<EntryFilter>): Promise<string[]> => {
  const whole = { beforeId: null, rowsMax: 1000, ...filter }
  const { entries, stoppedAt } = await searchEntries(pool(), whole, ampleMs)
  expect(stoppedAt).toBeNull()
  return entries.map(({ id }) => id)
}

describe('a search', () => {
  test('finds what is rare however long ago it was, newest first, and each once', async () => {
    const days = [0, 0.1, 0.3, 1, 2, 5, 17, 30, 100, 400, 1000, 3000]
    const ids: string[] = []
    for (const day of days) ids.push(await put(daysAgo(day), { system: 'far-back' }))
    expect(await found({ system: 'far-back' })).toEqual(ids)
    expect(await found({ system: 'far-back', purpose: 'other' })).toEqual([])
  })

  test('pages over any distance without gap or repetition', async () => {
    const ids: string[] = []
    for (let day = 0; day < 40; day++) ids.push(await put(daysAgo(day * day), { purpose: 'paged' }))
    const seen: string[] = []
    for (let beforeId: string | null = null; ;) {
      const { entries }: Awaited<ReturnType<typeof searchEntries>> = await searchEntries(
        pool(),
        { purpose: 'paged', beforeId, rowsMax: 3 },
        ampleMs,
      )
      seen.push(...entries.map(({ id }) => id))
      beforeId = entries.at(-1)?.id ?? null
      if (beforeId === null) break
    }
    expect(seen).toEqual(ids)
  })

  test('finds a case’s calls among others, before its pages are summarized and after', async () => {
    const [wanted, other] = ['11'.repeat(16), '22'.repeat(16)]
    const putCase = (day: number, hash: string): Promise<string> =>
      put(daysAgo(day), { case_hash: `\\x${hash}` })
    const ids: string[] = []
    for (const day of [0, 20, 300]) {
      ids.push(await putCase(day, wanted))
      await putCase(day, other)
    }
    const caseHash = Buffer.from(wanted, 'hex')
    expect(await found({ caseHash })).toEqual(ids)
    await asOwner('vacuum audit.search')
    ids.unshift(await putCase(-1, wanted))
    expect(await found({ caseHash })).toEqual(ids)
  })

  test('holds its bounds: from is within, to is not', async () => {
    const [first, second, third] = [daysAgo(50), daysAgo(20), daysAgo(10)]
    await put(first, { system: 'bounded' })
    const middle = await put(second, { system: 'bounded' })
    await put(third, { system: 'bounded' })
    const from = new Date(second).toISOString()
    const to = new Date(third).toISOString()
    expect(await found({ system: 'bounded', from, to })).toEqual([middle])
    expect(await found({ system: 'bounded', from: to, to: from })).toEqual([])
  })

  test('finds an entry whose clock was ahead, and one from before all logs', async () => {
    const ahead = await put(Date.now() + 400 * dayMs, { system: 'odd-clock' })
    const before = await put(Date.UTC(1999, 0, 1), { system: 'odd-clock' })
    expect(await found({ system: 'odd-clock' })).toEqual([ahead, before])
  })

  test('that runs out of time stops after a slice, and leaves nothing out when it is gone on with', async () => {
    const ids: string[] = []
    for (const day of [0, 3, 4, 9]) ids.push(await put(daysAgo(day), { system: 'out-of-time' }))
    const seen: string[] = []
    const from = new Date(daysAgo(10)).toISOString()
    const filter = { system: 'out-of-time', rowsMax: 10, from }
    let pages = 0
    for (let beforeId: string | null = null; ;) {
      const page: Awaited<ReturnType<typeof searchEntries>> = await searchEntries(
        pool(),
        { ...filter, beforeId },
        -1,
      )
      pages += 1
      seen.push(...page.entries.map(({ id }) => id))
      beforeId = page.stoppedAt
      if (beforeId === null || pages > 100) break
    }
    expect(seen).toEqual(ids)
    expect(pages).toBeGreaterThan(4)
  })

  test('goes on with a cursor that is no entry, as a search that ran out of time gives it', async () => {
    const id = await put(daysAgo(60), { system: 'gone-on' })
    const cut = Buffer.from(JSON.stringify([`${id.slice(0, 13)}-ffff-ffff-ffffffffffff`]))
    const path = `/v1/audit/entries?system=gone-on&after=${cut.toString('base64url')}`
    const answer = await hub.call('GET', path, { token: auditor })
    expect(answer.json().items.map(({ id: one }: { id: string }) => one)).toEqual([id])
  })
})

describe('an exported search', () => {
  const file = (query: string, token = auditor) =>
    hub.call('GET', `/v1/audit/entries/export?${query}`, { token })

  test('has every entry once, as CSV or NDJSON, and is an entry before the first byte leaves', async () => {
    const ids: string[] = []
    for (let day = 0; day < 5; day++) ids.push(await put(daysAgo(day * 30), { system: 'filed' }))
    const csv = await file('system=filed')
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8')
    const [heading, ...lines] = csv.body.trimEnd().split('\r\n')
    expect(heading).toBe(
      '\uFEFFid,readyAt,operation,outcome,code,department,system,resource,purpose',
    )
    expect(lines.map((line) => line.split(',')[0])).toEqual(ids)
    expect(hub.entries.at(-1)).toMatchObject({ operation: 'audit.export', outcome: 'allowed' })
    expect(csv.headers['x-audit-id']).toBeTruthy()
    const ndjson = await file('system=filed&format=ndjson')
    const rows = ndjson.body.trimEnd().split('\n')
    expect(rows.map((row) => JSON.parse(row).id)).toEqual(ids)
  })

  test('shows a department its own calls alone, and is refused to whoever may not read the log', async () => {
    const own = await put(daysAgo(1), { system: 'parted', department: 'housing' })
    await put(daysAgo(2), { system: 'parted', department: 'police' })
    const head = await hub.makeStaff('head', ['department-head'], 'housing')
    const { body } = await file('system=parted&format=ndjson', head)
    expect(JSON.parse(body).id).toBe(own)
    const developer = await hub.makeStaff('dev', ['developer'], 'housing')
    expect((await file('system=parted', developer)).json().code).toBe('role-missing')
    expect((await file('department=police', head)).json().code).toBe('role-missing')
  })

  test('ends at the limit with a line that says from where to go on', async () => {
    for (let day = 0; day < 5; day++) await put(daysAgo(day * 20), { system: 'cut' })
    const rows: unknown[] = []
    const filter = { system: 'cut', beforeId: null, rowsMax: 2 }
    for await (const row of everyEntry(hub.app.hub, filter, 3)) rows.push(row)
    expect(rows.length).toBe(4)
    expect(rows[3]).toEqual({
      operation: 'export.cut',
      readyAt: expect.stringMatching(/^\d{4}-/),
    })
    const to = Object(rows[3]).readyAt
    expect(await found({ system: 'cut', to })).toContain(Object(rows[2]).id)
  })
})

describe('looks at a record', () => {
  const subject = (name: string): Buffer => hash('sha256', name, 'buffer').subarray(0, 16)
  const look = async (name: string): Promise<string> => {
    const id = await put(Date.now(), {})
    await pool().query('insert into audit.subjects (subject, id) values ($1, $2)', [
      subject(name),
      id,
    ])
    return id
  }
  const looksAt = async (name: string): Promise<string[]> => {
    const query = { resource: 'population', hashes: [subject(name)], sequences: [] }
    const found = await findLooks(pool(), { ...query, beforeId: null, rowsMax: 100 })
    return found.map(({ entry }) => entry.id)
  }

  test('are found among others, before their pages are summarized, after, and both', async () => {
    const ids = [await look('wanted')]
    for (let other = 0; other < 300; other++) await look(`other-${other}`)
    expect(await looksAt('wanted')).toEqual(ids)
    await asOwner('vacuum audit.subjects')
    ids.unshift(await look('wanted'))
    expect(await looksAt('wanted')).toEqual(ids)
    expect(await looksAt('other-299')).toHaveLength(1)
    expect(await looksAt('nobody')).toEqual([])
  })

  test('named twice by one entry are told once', async () => {
    const id = await look('twice')
    await pool().query('insert into audit.subjects (subject, id) values ($1, $2)', [
      subject('twice'),
      id,
    ])
    expect(await looksAt('twice')).toEqual([id])
  })

  test('every month is vacuumed by count, so that few of its pages are without a summary', async () => {
    const { rows } = await pool().query<{ parent: string; options: string[] | null }>(
      `select parentrelid::regclass::text as parent, reloptions as options
       from unnest(array['audit.search', 'audit.subjects']::regclass[]) as root,
         pg_partition_tree(root) join pg_class on oid = relid where isleaf`,
    )
    expect(rows.length).toBeGreaterThanOrEqual(10)
    for (const { options } of rows) {
      expect(options).toContain('autovacuum_vacuum_insert_scale_factor=0')
    }
  })
})
