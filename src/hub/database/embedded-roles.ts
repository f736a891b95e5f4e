import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { errorCode } from '../error-code.ts'

export const embeddedRoles = {
  owner: 'shuqiao_owner',
  app: 'shuqiao_app',
  sealer: 'shuqiao_sealer',
} as const

export type EmbeddedRole = keyof typeof embeddedRoles
const roleNames: readonly EmbeddedRole[] = ['owner', 'app', 'sealer']
export type Passwords = Record<EmbeddedRole | 'superuser', string>

const databaseName = 'shuqiao'

/** Random passwords, made once and kept beside the cluster where only its user may read them. */
export function readPasswords(dataDir: string): Passwords {
  const path = join(dataDir, 'postgres-passwords.json')
  try {
    const kept: Passwords = JSON.parse(readFileSync(path, 'utf8'))
    return kept
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  const make = (): string => randomBytes(24).toString('base64url')
  const passwords = { superuser: make(), owner: make(), app: make(), sealer: make() }
  writeFileSync(path, JSON.stringify(passwords), { mode: 0o600, flag: 'wx' })
  return passwords
}

export function urlOf(
  user: string,
  password: string,
  port: number,
  database = databaseName,
): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`
}

/**
 * The three roles and the database of the embedded default. Repeated at each start, so that a first
 * start that died half-way is completed by the next.
 */
export async function createRoles(superuserUrl: string, passwords: Passwords): Promise<void> {
  const client = new Client({ connectionString: superuserUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `select rolname as name from pg_roles union all select 'database ' || datname from pg_database`,
    )
    const present = new Set(rows.map((row) => row.name))
    for (const role of roleNames) {
      if (present.has(embeddedRoles[role])) continue
      await client.query(
        `create role ${embeddedRoles[role]} login password '${passwords[role]}' nosuperuser nocreatedb nocreaterole`,
      )
    }
    if (!present.has(`database ${databaseName}`)) {
      await client.query(`create database ${databaseName} owner ${embeddedRoles.owner}`)
    }
  } finally {
    await client.end()
  }
}
