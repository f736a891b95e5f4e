import { Client } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { postgres } from '../../../src/connectors/postgres/connector.ts'
import type { Source } from '../../../src/connectors/contract.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../../support/database.ts'
import { byCursor, everything, take } from './reading.ts'

let database: EmptyDatabase
let client: Client

beforeAll(async () => {
  database = await createEmptyDatabase()
  client = new Client({ connectionString: database.urls.superuser })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

const open = (table: string, signal?: AbortSignal): Source => {
  const source = postgres.openSource?.(
    { url: database.urls.superuser, table },
    { filesDirs: [], signal },
  )
  if (!source) throw new Error('PostgreSQL is a source.')
  return source
}

const stagesOf = async (url: string, table: string) => {
  const stages = await Array.fromAsync(postgres.probe({ url, table }, { filesDirs: [] }))
  return stages.map(({ stage, ok, message }) => ({ stage, ok, message }))
}

test('a probe names the stage that fails: a wrong password, a missing table, a missing right', async () => {
  await client.query('create table public.closed (id int primary key)')
  const wrong = new URL(database.urls.app)
  wrong.password = 'certainly-wrong'
  const refused = await stagesOf(wrong.href, 'closed')
  expect(refused.at(-1)).toMatchObject({ stage: 'sign-in', ok: false })
  expect(JSON.stringify(refused)).not.toContain('certainly-wrong')
  const absent = await stagesOf(database.urls.superuser, 'absent')
  expect(absent.at(-1)).toMatchObject({ stage: 'privilege', ok: false })
  const closed = await stagesOf(database.urls.app, 'public.closed')
  expect(closed.at(-1)?.message).toMatch(/SELECT.*"public"\."closed".*42501/)
})

test('a statement that gives no row for long ends with the run, here and on the server', async () => {
  await client.query('create view sleepy as select 1 as id, pg_sleep(600)::text as slept')
  const stop = new AbortController()
  const source = open('sleepy', stop.signal)
  const isAsleep = async () => {
    const { rows } = await client.query(
      `select pid from pg_stat_activity where datname = current_database() and query like 'copy%sleepy%' and pid <> pg_backend_pid()`,
    )
    return rows.length
  }
  const reading = take(source, everything)
  reading.catch(() => undefined)
  await vi.waitFor(async () => expect(await isAsleep()).toBe(1), { timeout: 45_000, interval: 50 })
  const reason = new Error('the hub stops')
  stop.abort(reason)
  await expect(reading).rejects.toBe(reason)
  await vi.waitFor(async () => expect(await isAsleep()).toBe(0), { timeout: 45_000, interval: 50 })
})

test('a row that is too long is a fault in its place, and its neighbours are read', async () => {
  await client.query('create table long (id int primary key, body text)')
  await client.query(
    `insert into long values (1, 'a'), (2, repeat('中文', 3000000)), (3, repeat('x', 1200000)), (4, 'd')`,
  )
  const source = open('long')
  const rows = []
  for await (const block of source.read(everything)) rows.push(...block.rows)
  await source.close()
  expect(rows.map(({ line, fault, row }) => [line, fault, row?.['id']])).toEqual([
    [1, undefined, '1'],
    [2, 'row-too-large', undefined],
    [3, 'row-too-large', undefined],
    [4, undefined, '4'],
  ])
})

test('cursors of quoted types and values are compared as the store does', async () => {
  await client.query(`create type "Stand" as enum ('neu', 'alt''s')`)
  await client.query(
    `create table odd ("Stand" "Stand" not null, id int, primary key ("Stand", id))`,
  )
  await client.query(`insert into odd values ('alt''s', 1), ('neu', 2), ('alt''s', 3)`)
  const source = open('odd')
  const first = await take(source, byCursor(['Stand', 'id']), 2)
  const rest = await take(source, byCursor(['Stand', 'id'], { after: first.position }))
  await source.close()
  expect([...first.rows, ...rest.rows].map(({ id }) => id)).toEqual(['2', '1', '3'])
})

test('a view that fails half-way is refused with its code, and shows no value', async () => {
  await client.query(
    `create view failing as select i as id, 1 / (3 - i) as n from generate_series(1, 5) i`,
  )
  const source = open('failing')
  await expect(take(source, everything)).rejects.toMatchObject({
    code: 'state-conflict',
    message: expect.stringMatching(/22012/),
  })
  await source.close()
})
