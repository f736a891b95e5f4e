import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildEntry, instantOfId } from '../../../src/hub/audit/entry.ts'
import { insertEntries } from '../../../src/hub/audit/insert-entries.ts'
import { ensureMonths } from '../../../src/hub/audit/months.ts'
import { firstIdOf } from '../../../src/hub/audit/search.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { connect, entryKeys, openTestLog, readFacts } from './audit-samples.ts'

let own: TestDatabase
let clients: Record<'owner' | 'app' | 'sealer', pg.Client>
let id: string
beforeAll(async () => {
  own = await createTestDatabase()
  const { owner, app, sealer } = own.urls
  clients = { owner: await connect(owner), app: await connect(app), sealer: await connect(sealer) }
  const log = openTestLog(own.urls.app)
  const receipt = await log.append(readFacts({ sequenceRange: { after: 0, through: 5 } }))
  id = receipt.id
  await log.close()
})
afterAll(async () => {
  await Promise.all(Object.values(clients).map((client) => client.end()))
  await own.drop()
})

const tables = ['entries', 'pending', 'search', 'subjects', 'ranges']
const denied = { code: '42501' }

describe('the hub may add to the log and read it, nothing else', () => {
  test.each(tables)('%s', async (table) => {
    const { app } = clients
    await expect(app.query(`select count(*) from audit.${table}`)).resolves.toBeDefined()
    await expect(app.query(`update audit.${table} set id = id`)).rejects.toMatchObject(denied)
    await expect(app.query(`delete from audit.${table}`)).rejects.toMatchObject(denied)
    await expect(app.query(`truncate audit.${table}`)).rejects.toMatchObject(denied)
    await expect(app.query(`drop table audit.${table}`)).rejects.toMatchObject(denied)
  })

  test('nor may it make or reach partitions by itself', async () => {
    const { app } = clients
    await expect(app.query('select * from audit.entries_default')).rejects.toMatchObject(denied)
    const make = `select audit.make_partition('entries', 'x', 'default')`
    await expect(app.query(make)).rejects.toMatchObject(denied)
    await expect(app.query('alter table audit.entries disable trigger all')).rejects.toMatchObject(
      denied,
    )
  })
})

describe('entries are refused every change, for the owner too', () => {
  const changes = (table: string) => [
    `update audit.${table} set leaf_bytes = '\\x00'`,
    `delete from audit.${table}`,
    `truncate audit.${table}`,
  ]
  test('through the table', async () => {
    for (const change of changes('entries')) {
      await expect(clients.owner.query(change)).rejects.toThrow('只能追加')
    }
  })
  test('and through any partition, the default one and those made later', async () => {
    const { owner } = clients
    await owner.query('select audit.ensure_months(5)')
    const { rows } = await owner.query(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit.entries'::regclass`,
    )
    expect(rows.length).toBeGreaterThanOrEqual(7)
    for (const { name } of rows) {
      for (const change of changes(name.replace('audit.', ''))) {
        await expect(owner.query(change)).rejects.toThrow('只能追加')
      }
    }
  })
})

test('the sealer reads everything and takes ids out of pending, nothing else', async () => {
  const { sealer } = clients
  for (const table of tables) await sealer.query(`select count(*) from audit.${table}`)
  await expect(sealer.query('delete from audit.search')).rejects.toMatchObject(denied)
  await expect(sealer.query(`insert into audit.pending values ('${id}')`)).rejects.toMatchObject(
    denied,
  )
  const { rows } = await sealer.query('delete from audit.pending where id = $1 returning id', [id])
  expect(rows).toEqual([{ id }])
})

describe('months', () => {
  const partitionOf = async (entryId: string): Promise<string> => {
    const { rows } = await clients.owner.query(
      'select tableoid::regclass::text as name from audit.entries where id = $1',
      [entryId],
    )
    return rows[0].name
  }
  const write = async (entryId: string): Promise<string> => {
    await insertEntries(clients.app, [buildEntry(entryId, readFacts(), entryKeys)], false)
    return partitionOf(entryId)
  }
  const endOf = (hex: string) => `${hex}-7abc-8def-0123456789ab`

  test('the app may make them ahead, and again without harm', async () => {
    expect(await ensureMonths(own.database.pool)).toEqual([])
    expect(await ensureMonths(own.database.pool)).toEqual([])
  })

  test('an entry lands in the month that its id names, up to the last millisecond', async () => {
    const now = new Date(instantOfId(id))
    const next = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)
    const first = new Date(next).toISOString()
    const before = new Date(next - 1).toISOString()
    const name = (instant: string) => `audit.entries_${instant.slice(0, 7).replace('-', '_')}`
    expect(await write(endOf(firstIdOf(before).slice(0, 13)))).toBe(name(before))
    expect(await write(endOf(firstIdOf(first).slice(0, 13)))).toBe(name(first))
  })

  test('a time without a month lands in the default partition, and its month is then said to be missing', async () => {
    const later = new Date()
    later.setUTCMonth(later.getUTCMonth() + 9, 15)
    const entryId = endOf(firstIdOf(later.toISOString()).slice(0, 13))
    expect(await write(entryId)).toBe('audit.entries_default')
    const { rows } = await clients.app.query('select audit.ensure_months(10) as missing')
    const month = later.toISOString().slice(0, 7).replace('-', '_')
    expect(rows[0].missing).toEqual(
      ['entries', 'search', 'subjects'].map((table) => `${table}_${month}`),
    )
    expect(await partitionOf(entryId)).toBe('audit.entries_default')
  })
})
