import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HubDatabase } from '../database/stores.ts'
import { newToken } from './tokens.ts'

/** Any constant that no other lock has: of several hubs that start together one makes the first admin. */
const firstStaffLock = 7_305_118_439

export interface FirstAdmin {
  /** From the settings; a random one is made and written to a file when absent. */
  adminToken: string | undefined
  dataDir: string
}

/**
 * On a hub without any staff: the first bureau-admin, `admin`. Answers the path of the file that holds
 * the token (mode 0600), or null when the token was given or the hub has staff already: later starts
 * change nothing, whatever the setting says.
 */
export async function bootstrapAdmin(
  database: HubDatabase,
  { adminToken, dataDir }: FirstAdmin,
): Promise<string | null> {
  if (!(await database.staff.isEmpty())) return null
  return database.atomically(async ({ staff, tokens }, transaction) => {
    await transaction.raw('select pg_advisory_xact_lock(?)', [firstStaffLock])
    if (!(await staff.isEmpty())) return null
    const token = adminToken ?? newToken()
    const { id } = await staff.insert({
      id: 'admin',
      account: 'admin',
      name: '首位管理员',
      department: null,
      roles: ['bureau-admin'],
      passwordHash: null,
    })
    await tokens.add(token, { staffId: id })
    // Before the commit: a token that nobody can read any more would lock everyone out.
    return adminToken === undefined ? writeToken(dataDir, token) : null
  })
}

function writeToken(dataDir: string, token: string): string {
  const path = join(dataDir, 'admin-token')
  writeFileSync(path, `${token}\n`, { mode: 0o600 })
  chmodSync(path, 0o600) // the mode above counts only for a new file
  return path
}
