import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dumpSchema } from '../../../src/hub/database/catalog-dump.ts'
import { connectClient } from '../../../src/hub/database/clients.ts'
import { migrate, readMigrationStatus } from '../../../src/hub/database/migrate.ts'
import { migrationsFolder, readMigrations } from '../../../src/hub/database/migration-files.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../../support/database.ts'

let empty: EmptyDatabase
let folder: string

beforeEach(async () => {
  empty = await createEmptyDatabase()
  folder = mkdtempSync(join(tmpdir(), 'shuqiao-migrations-'))
})
afterEach(async () => {
  await empty.drop()
  rmSync(folder, { recursive: true, force: true })
})

const write = (name: string, sql: string): void => writeFileSync(join(folder, name), sql)
const run = (): Promise<string[]> => migrate({ url: empty.urls.owner, folder })

async function ask(sql: string): Promise<unknown[]> {
  const client = await connectClient({ url: empty.urls.owner, purpose: 'migrate' })
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

describe('migrations', () => {
  test('an applied file that was changed stops everything and is named', async () => {
    write('0001_one.sql', 'create table hub.one (id integer);')
    await run()
    write('0001_one.sql', 'create table hub.one (id bigint);')
    write('0002_two.sql', 'create table hub.two (id integer);')
    await expect(run()).rejects.toThrow('0001_one.sql')
    await expect(readMigrationStatus({ url: empty.urls.owner, folder })).rejects.toThrow(
      '0001_one.sql',
    )
    expect(await ask(`select to_regclass('hub.two') as two`)).toEqual([{ two: null }])
  })

  test('a database newer than the program is refused', async () => {
    write('0001_one.sql', 'select 1')
    write('0002_two.sql', 'select 1')
    await run()
    rmSync(join(folder, '0002_two.sql'))
    await expect(run()).rejects.toThrow(/newer than this program.*0002_two/)
  })

  test('a file numbered below what is applied is refused instead of running out of order', async () => {
    write('0002_two.sql', 'select 1')
    await run()
    write('0001_late.sql', 'select 1')
    await expect(run()).rejects.toThrow('0001_late.sql')
  })

  test('a file that fails leaves nothing of itself, keeps those before, and is named with the line', async () => {
    write('0001_one.sql', 'create table hub.one (id integer);')
    write('0002_two.sql', 'create table hub.two (id integer);\nselect nonsense;')
    await expect(run()).rejects.toThrow(/0002_two\.sql failed.*nonsense.*line 2/)
    expect(
      await ask(`select to_regclass('hub.one')::text as one, to_regclass('hub.two') as two`),
    ).toEqual([{ one: 'hub.one', two: null }])
    write('0002_two.sql', 'create table hub.two (id integer);')
    expect(await run()).toEqual(['0002_two.sql'])
  })

  test('hubs that start together apply each file once', async () => {
    write('0001_one.sql', 'create table hub.one (id integer); select pg_sleep(0.2)')
    const applied = await Promise.all([run(), run(), run()])
    expect(applied.flat()).toEqual(['0001_one.sql'])
  })

  test('a file may ask to run outside a transaction', async () => {
    write('0001_one.sql', 'create table hub.one (id integer);')
    write('0002_index.sql', '-- no transaction\ncreate index concurrently one_id on hub.one (id);')
    expect(await run()).toEqual(['0001_one.sql', '0002_index.sql'])
  })

  test('two files of one number are a mistake', () => {
    write('0001_one.sql', 'select 1')
    write('0001_other.sql', 'select 1')
    expect(() => readMigrations(folder)).toThrow('number 1')
  })

  test('the status tells what is applied and what is to come, and changes nothing', async () => {
    write('0001_one.sql', 'select 1')
    const options = { url: empty.urls.owner, folder }
    expect(await readMigrationStatus(options)).toEqual({ applied: [], pending: ['0001_one.sql'] })
    expect(await ask(`select to_regnamespace('hub') as hub`)).toEqual([{ hub: null }])
    await run()
    expect(await readMigrationStatus(options)).toMatchObject({
      applied: [{ version: 1 }],
      pending: [],
    })
  })

  test('the first migration works for an owner who may not create roles when the roles exist', async () => {
    cpSync(
      join(migrationsFolder, '0001_roles_and_schemas.sql'),
      join(folder, '0001_roles_and_schemas.sql'),
    )
    expect(await run()).toHaveLength(1)
  })
})

test('migrations/schema.sql is what the migrations make (scripts/schema-dump.ts writes it)', async () => {
  await migrate({ url: empty.urls.owner })
  const client = await connectClient({ url: empty.urls.owner, purpose: 'migrate' })
  const dump = await dumpSchema(client)
  await client.end()
  expect(dump).toBe(readFileSync(join(migrationsFolder, 'schema.sql'), 'utf8'))
})
