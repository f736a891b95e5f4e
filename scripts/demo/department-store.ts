import { Client } from 'pg'
import { readPasswords } from '../../src/hub/database/embedded-roles.ts'
import type { RunningHub } from '../../src/hub/main.ts'

const databaseName = 'department_store'

/**
 * A database that plays a department's own: on the demo's PostgreSQL, since no other is at hand, but with
 * nothing of the hub in it. Answers its URL.
 */
export async function departmentStore({ app }: RunningHub, dataDir: string): Promise<string> {
  const account = { username: 'postgres', password: readPasswords(dataDir).superuser }
  const { href } = Object.assign(new URL(app.hub.database.directUrl), account)
  const server = new Client({ connectionString: href })
  await server.connect()
  try {
    await server.query(`drop database if exists ${databaseName} with (force)`)
    await server.query(`create database ${databaseName}`)
  } finally {
    await server.end()
  }
  return Object.assign(new URL(href), { pathname: `/${databaseName}` }).href
}
