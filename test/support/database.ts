import { randomBytes } from 'node:crypto'
import { Client, DatabaseError } from 'pg'
import { inject } from 'vitest'
import { type Database, openDatabase } from '../../src/hub/database/connect.ts'

export interface DatabaseUrls {
  owner: string
  app: string
  sealer: string
  superuser: string
}

export interface TestDatabase {
  /** Connected as `shuqiao_app`, as the hub is. */
  database: Database
  urls: DatabaseUrls
  drop(): Promise<void>
}

/**
 * A migrated database of one's own on the run's PostgreSQL, made in a few hundred milliseconds at most
 * by copying files. One per test file: `beforeAll(create)`, `afterAll(drop)`.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const urls = await createDatabase('template shuqiao_template')
  const database = await openDatabase({ url: urls.app })
  return {
    database,
    urls,
    drop: async () => {
      await database.close()
      await dropDatabase(urls)
    },
  }
}

export interface EmptyDatabase {
  urls: DatabaseUrls
  drop(): Promise<void>
}

/** An empty database without any migration, for tests of the migrations themselves. */
export async function createEmptyDatabase(): Promise<EmptyDatabase> {
  const urls = await createDatabase('')
  return { urls, drop: () => dropDatabase(urls) }
}

async function createDatabase(how: string): Promise<DatabaseUrls> {
  const { superuserUrl, urls } = inject('postgres')
  const name = `test_${randomBytes(6).toString('hex')}`
  await asSuperuser(superuserUrl, `create database ${name} owner shuqiao_owner ${how}`)
  const at = (url: string): string => Object.assign(new URL(url), { pathname: `/${name}` }).href
  return {
    owner: at(urls.owner),
    app: at(urls.app),
    sealer: at(urls.sealer),
    superuser: at(superuserUrl),
  }
}

async function dropDatabase(urls: DatabaseUrls): Promise<void> {
  const { superuserUrl } = inject('postgres')
  const name = new URL(urls.app).pathname.slice(1)
  await asSuperuser(superuserUrl, `drop database if exists ${name} with (force)`)
}

async function asSuperuser(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    while (!(await isDone(client, sql)));
  } finally {
    await client.end()
  }
}

/**
 * PostgreSQL gives whoever is still connected to a database five seconds to go (`object_in_use`); on a machine
 * that pauses they may need longer.
 */
const isDone = (client: Client, sql: string): Promise<boolean> =>
  client.query(sql).then(
    () => true,
    (error: unknown) => {
      if (error instanceof DatabaseError && error.code === '55006') return false
      throw error
    },
  )
