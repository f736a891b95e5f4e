import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface MigrationFile {
  version: number
  name: string
  sql: string
  /** SHA-256 of the file, hexadecimal. */
  digest: string
  transactional: boolean
}

export const migrationsFolder = fileURLToPath(new URL('../../../migrations', import.meta.url))

const namePattern = /^(\d{4})_[a-z0-9_]+\.sql$/

/** The migrations of a folder in order. Two files of one number are a mistake, not a choice. */
export function readMigrations(folder: string = migrationsFolder): MigrationFile[] {
  const files = readdirSync(folder)
    .filter((name) => namePattern.test(name))
    .toSorted()
    .map((name) => readMigration(folder, name))
  for (const [index, file] of files.entries()) {
    if (files[index + 1]?.version === file.version) {
      throw new Error(`Two migrations have the number ${file.version}: ${file.name}`)
    }
  }
  return files
}

function readMigration(folder: string, name: string): MigrationFile {
  const sql = readFileSync(join(folder, name), 'utf8')
  return {
    version: Number(name.slice(0, 4)),
    name,
    sql,
    digest: createHash('sha256').update(sql).digest('hex'),
    transactional: !/^--\s*no transaction\s*$/m.test(sql.split('\n', 1)[0] ?? ''),
  }
}
