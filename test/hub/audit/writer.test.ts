import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { v7 as createId } from 'uuid'
import { buildEntry } from '../../../src/hub/audit/entry.ts'
import { insertEntries } from '../../../src/hub/audit/insert-entries.ts'
import { AuditWriter } from '../../../src/hub/audit/writer.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { connect, entryKeys, openTestLog, readFacts } from './audit-samples.ts'

let test1: TestDatabase
let owner: pg.Client
beforeAll(async () => {
  test1 = await createTestDatabase()
  owner = await connect(test1.urls.owner)
})
afterAll(async () => {
  await owner.end()
  await test1.drop()
})

const logs: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.close()))
})
const openLog = (more: Parameters<typeof openTestLog>[1] = {}) => {
  const log = openTestLog(test1.urls.app, more)
  logs.push(log)
  return log
}

const rowsOf = async (text: string, values: unknown[] = []) =>
  (await owner.query(text, values)).rows
const countOf = async (from: string, values: unknown[] = []): Promise<number> =>
  (await rowsOf(`select count(*) from ${from}`, values))[0].count

/** Ends every connection of the log, as a restart of the server would; answers how many. */
async function killWriters(superuser: pg.Client): Promise<number> {
  const { rowCount } = await superuser.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where usename = 'shuqiao_app' and application_name = 'shuqiao-audit' and datname = current_database()`,
  )
  return rowCount ?? 0
}

test('an entry can be read over another connection once its receipt is there', async () => {
  const log = openLog()
  const { id, leaf } = await log.append(readFacts())
  const [row] = await rowsOf(
    'select * from audit.entries join audit.search using (id) where id = $1',
    [id],
  )
  const computed = createHash('sha256').update('\0').update(row.leaf_bytes).digest('hex')
  expect(computed).toBe(leaf)
  expect(row.leaf_hash.toString('hex')).toBe(leaf)
  expect(row).toMatchObject({ operation: 'records.read', resource: 'population', code: null })
  expect(Date.parse(row.ready_at)).toBe(Number.parseInt(id.replace('-', '').slice(0, 12), 16))
  expect(await countOf('audit.pending where id = $1', [id])).toBe(1)
  expect(await countOf('audit.subjects where id = $1', [id])).toBe(1)
})

test('the log insists on a commit that is on disk, whatever the database defaults to', async () => {
  const opened: pg.Client[] = []
  const openClient = async () => {
    const client = await connect(test1.urls.app)
    await client.query('set synchronous_commit = off')
    opened.push(client)
    return client
  }
  await openLog({ openClient }).append(readFacts())
  const { rows } = await opened[0]!.query('show synchronous_commit')
  expect(rows).toEqual([{ synchronous_commit: 'on' }])
})

test('five thousand entries at once are all there, each once, in few statements', async () => {
  const log = openLog()
  const facts = (index: number) =>
    readFacts({ operation: 'many', subjects: [{ resource: 'population', key: `many-${index}` }] })
  const receipts = await Promise.all(
    Array.from({ length: 5000 }, (_, index) => log.append(facts(index))),
  )
  const ids = receipts.map(({ id }) => id)
  expect(new Set(ids).size).toBe(5000)
  for (const table of ['entries', 'search', 'pending', 'subjects']) {
    expect(await countOf(`audit.${table} where id = any($1)`, [ids])).toBe(5000)
  }
  const [{ statements }] = await rowsOf(
    'select count(distinct xmin::text) as statements from audit.entries where id = any($1)',
    [ids],
  )
  expect(statements).toBeGreaterThanOrEqual(Math.ceil(5000 / 256))
  expect(statements).toBeLessThan(60)
  expect(log.gauges()).toMatchObject({ waiting: 0, oldestWaitingMs: 0, foldedAddresses: 0 })
  expect(log.gauges().lastFlushAt).toBeInstanceOf(Date)
})

test('poisonous values are logged beside ordinary ones', async () => {
  const log = openLog()
  const poison = [
    { purpose: 'nul \u0000 in text' },
    { operator: '\ud800' },
    { resource: 'r\u0000' },
    { purpose: 'x'.repeat(5_000_000) },
    { note: { deep: '\u0000'.repeat(100_000) } },
  ]
  const receipts = await Promise.all([...poison, {}, {}].map((more) => log.append(readFacts(more))))
  const ids = receipts.map(({ id }) => id)
  expect(await countOf('audit.entries where id = any($1)', [ids])).toBe(7)
  expect(log.faults).toEqual([])
})

test('an entry that the table refuses fails alone', async () => {
  const writer = new AuditWriter({ openClient: () => connect(test1.urls.app) })
  const entries = Array.from({ length: 20 }, () => buildEntry(createId(), readFacts(), entryKeys))
  entries[7]!.search.operation = 'cannot \u0000 be text'
  const results = await Promise.allSettled(entries.map((entry) => writer.write(entry, false)))
  await writer.close()
  const rejected = results.flatMap((result, index) => (result.status === 'rejected' ? [index] : []))
  expect(rejected).toEqual([7])
  const ids = entries.map(({ id }) => id)
  expect(await countOf('audit.entries where id = any($1)', [ids])).toBe(19)
})

test('where the log cannot be written the call is unavailable, and works again once it can', async () => {
  const log = openLog()
  await owner.query('revoke insert on audit.entries from shuqiao_app')
  try {
    await expect(log.append(readFacts())).rejects.toMatchObject({ code: 'unavailable' })
  } finally {
    await owner.query('grant insert on audit.entries to shuqiao_app')
  }
  await expect(log.append(readFacts())).resolves.toHaveProperty('leaf')
})

test('where the database is away for longer than patience lasts everybody waiting is told', async () => {
  const openClient = async () => {
    throw new Error('no route')
  }
  const log = openLog({ openClient, patienceMs: 120 })
  const results = await Promise.allSettled(
    Array.from({ length: 600 }, () => log.append(readFacts())),
  )
  for (const result of results) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } })
  }
  expect(log.gauges().waiting).toBe(0)
})

test('connections cut in mid-flight lose nothing and double nothing', async () => {
  const log = openLog()
  const superuser = await connect(test1.urls.superuser)
  const ids: string[] = []
  let asked = 0
  // However late the cutter comes, it finds them in mid-flight.
  const callers = Array.from({ length: 64 }, async () => {
    while (asked++ < 2000 || log.faults.length === 0)
      ids.push((await log.append(readFacts({ operation: 'cut' }))).id)
  })
  const done = new AbortController()
  const cutter = (async () => {
    let cut = 0
    for (; !done.signal.aborted; await sleep(20)) cut += await killWriters(superuser)
    return cut
  })()
  await Promise.all(callers).finally(() => done.abort())
  expect(await cutter).toBeGreaterThan(0)
  await superuser.end()
  expect(ids.length).toBeGreaterThanOrEqual(2000)
  for (const table of ['entries', 'pending', 'search', 'subjects']) {
    expect(await countOf(`audit.${table} where id = any($1)`, [ids])).toBe(ids.length)
  }
  expect(await countOf(`audit.search where operation = 'cut'`)).toBe(ids.length)
})

test('a repetition after a commit that was not heard of adds nothing, not even for the sealer', async () => {
  const client = await connect(test1.urls.app)
  const sequenceRange = { after: 1, through: 9 }
  const batch = [{ sequenceRange }, {}].map((more) =>
    buildEntry(createId(), readFacts(more), entryKeys),
  )
  const ids = batch.map(({ id }) => id)
  await insertEntries(client, batch, false)
  await owner.query('delete from audit.pending where id = any($1)', [ids])
  await insertEntries(client, batch, true)
  expect(await countOf('audit.pending where id = any($1)', [ids])).toBe(0)
  for (const table of ['entries', 'search', 'subjects']) {
    expect(await countOf(`audit.${table} where id = any($1)`, [ids])).toBe(2)
  }
  expect(await countOf('audit.ranges where id = any($1)', [ids])).toBe(1)
  await client.end()
})

test('a repetition that waits for its first try, which is under way, follows how that ends', async () => {
  const [first, again] = [await connect(test1.urls.app), await connect(test1.urls.app)]
  for (const end of ['commit', 'rollback']) {
    const entry = buildEntry(createId(), readFacts(), entryKeys)
    await first.query('begin')
    await insertEntries(first, [entry], false)
    const repeated = insertEntries(again, [entry], true)
    await first.query(end)
    await repeated
    for (const table of ['entries', 'pending', 'search', 'subjects']) {
      expect(await countOf(`audit.${table} where id = $1`, [entry.id])).toBe(1)
    }
  }
  await Promise.all([first.end(), again.end()])
})

test('no entry passes for written because another one was', async () => {
  const client = await connect(test1.urls.app)
  const [written, fresh] = [0, 1].map(() => buildEntry(createId(), readFacts(), entryKeys))
  await insertEntries(client, [written!], false)
  await expect(insertEntries(client, [written!, fresh!], true)).rejects.toThrow('duplicate key')
  await expect(insertEntries(client, [written!], false)).rejects.toThrow('duplicate key')
  expect(await countOf('audit.entries where id = $1', [fresh!.id])).toBe(0)
  await client.end()
})

test('a full queue refuses, and calls without a caller are refused at half of it', async () => {
  const gate = Promise.withResolvers<void>()
  const openClient = async () => {
    await gate.promise
    return connect(test1.urls.app)
  }
  const log = openLog({ openClient, waitingEntriesMax: 100, lanes: 1 })
  const { system: _, ...anonymous } = readFacts()
  const flood = Array.from({ length: 80 }, () => log.append(anonymous))
  const calls = Array.from({ length: 60 }, () => log.append(readFacts()))
  const settled = Promise.all([flood, calls].map((all) => Promise.allSettled(all)))
  gate.resolve()
  const counts = (await settled).map(
    (all) => all.filter(({ status }) => status === 'fulfilled').length,
  )
  expect(counts).toEqual([50, 50])
})

test('closing writes what waits and takes nothing more', async () => {
  const log = openLog()
  const waiting = Array.from({ length: 700 }, () => log.append(readFacts({ operation: 'closing' })))
  await Promise.resolve()
  await log.close()
  await Promise.all(waiting)
  expect(await countOf(`audit.search where operation = 'closing'`)).toBe(700)
  await expect(log.append(readFacts())).rejects.toMatchObject({ code: 'unavailable' })
})

test('a flood without tokens becomes one counted entry for each address and minute', async () => {
  const log = openLog()
  const call = (address: string, second: number, code: string) =>
    log.appendAnonymous({
      operation: 'flood',
      outcome: 'denied',
      code,
      address,
      requestId: createId(),
      requestedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, second)),
    })
  for (let second = 0; second < 90; second++) {
    expect(await call('203.0.113.5', second, 'credentials-invalid')).toBeNull()
    await call('203.0.113.9', 0, second % 2 ? 'rate-limited' : 'credentials-invalid')
  }
  expect(log.gauges().foldedAddresses).toBe(3)
  await log.close()
  expect(await countOf(`audit.search where operation = 'flood' and outcome = 'denied'`)).toBe(3)
})
