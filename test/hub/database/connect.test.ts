import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inTransaction, openDatabase } from '../../../src/hub/database/connect.ts'
import { runsAsOwner } from '../../../src/hub/database/ownership.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let held: TestDatabase
beforeAll(async () => {
  held = await createTestDatabase()
})
afterAll(async () => {
  await held.drop()
})

const valuesSql = `select 9007199254740991::bigint as big, 1.50::numeric as amount, date '2026-02-28' as day,
  timestamptz '2026-01-01 08:00:00.123456+08' as instant, timestamptz 'infinity' as forever,
  array[1, null]::bigint[] as bigs, array[date '2026-01-01'] as days,
  array[timestamptz '2026-01-01 00:00Z'] as instants, count(*) as counted from (values (1)) t`

const expected = {
  big: 9007199254740991,
  amount: '1.50',
  day: '2026-02-28',
  instant: '2026-01-01T00:00:00.123Z',
  forever: 'infinity',
  bigs: [1, null],
  days: ['2026-01-01'],
  instants: ['2026-01-01T00:00:00.000Z'],
  counted: 1,
}

describe('values of the database', () => {
  test('look the same through knex and through the pools', async () => {
    const { knex, pool, bulkPool } = held.database
    const raw: { rows: unknown[] } = await knex.raw(valuesSql)
    expect(raw.rows[0]).toEqual(expected)
    expect((await pool.query(valuesSql)).rows[0]).toEqual(expected)
    expect((await bulkPool.query(valuesSql)).rows[0]).toEqual(expected)
  })

  test('a bigint that a number cannot hold fails instead of being rounded', async () => {
    await expect(held.database.pool.query('select 9007199254740993::bigint')).rejects.toThrow(
      '2^53',
    )
  })
})

describe('connections', () => {
  test('loses idle connections without ending the process, and works on', async () => {
    const { knex, pool } = held.database
    const ownPid = 'select pg_backend_pid() as pid'
    const lost = [
      await pool.query<{ pid: number }>(ownPid),
      await knex.raw<{ rows: { pid: number }[] }>(ownPid),
    ]
    const killer = await held.database.openClient('leader')
    for (const { rows } of lost)
      await killer.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    await killer.end()
    const patient = { timeout: 30_000 }
    await expect
      .poll(async () => (await pool.query('select 1 as one')).rows, patient)
      .toEqual([{ one: 1 }])
    await expect
      .poll(async () => (await knex.raw<{ rows: unknown[] }>('select 1 as one')).rows, patient)
      .toEqual([{ one: 1 }])
  })

  test('a transaction leaves nothing behind when its work fails', async () => {
    const { bulkPool } = held.database
    const work = inTransaction(bulkPool, async (client) => {
      await client.query('create table records.half (id integer)')
      throw new Error('enough')
    })
    await expect(work).rejects.toThrow('enough')
    const { rows } = await bulkPool.query(`select to_regclass('records.half') as found`)
    expect(rows).toEqual([{ found: null }])
  })
})

describe('the application role', () => {
  test('is not the owner of the log, and the owner is recognised', async () => {
    expect(await runsAsOwner(held.database.knex)).toBe(false)
    const owner = await openDatabase({ url: held.urls.owner })
    expect(await runsAsOwner(owner.knex)).toBe(true)
    await owner.close()
  })

  const refused = async (sql: string, url = held.urls.app): Promise<string> => {
    const database = await openDatabase({ url })
    try {
      await database.pool.query(sql)
      return 'allowed'
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      await database.close()
    }
  }

  test.each([
    'create table hub.mine (id integer)',
    'alter table hub.key_fingerprints add column other text',
    'drop table hub.migrations',
    'create schema other',
    'create role other',
    'create table public.mine (id integer)',
    'create table audit.mine (id integer)',
    `update hub.key_fingerprints set fingerprint = ''`,
    'delete from hub.key_fingerprints',
    'truncate hub.key_fingerprints',
    'delete from hub.migrations',
    'select rolpassword from pg_authid',
    `select pg_read_file('postgresql.conf')`,
    `copy hub.migrations to program 'true'`,
  ])('may not: %s', async (sql) => {
    expect(await refused(sql)).toBe('42501')
  })

  test('makes record tables, and the sealer cannot', async () => {
    expect(await refused('create table records.r_1 (id integer)')).toBe('allowed')
    expect(await refused('create table records.r_2 (id integer)', held.urls.sealer)).toBe('42501')
  })
})

test('survives the loss of a connection that is lent out between two statements', async () => {
  const { database, urls, drop } = await createTestDatabase()
  const superuser = new pg.Client({ connectionString: urls.superuser })
  await superuser.connect()
  try {
    const client = await database.bulkPool.connect()
    await client.query('begin')
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const lost = new Promise((resolve) => client.once('error', resolve))
    await superuser.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    await lost
    await expect(client.query('select 1')).rejects.toThrow()
    client.release(true)
    expect((await database.bulkPool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  } finally {
    await superuser.end()
    await drop()
  }
})
