import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dumpFreshSchema } from '../src/hub/database/fresh-schema.ts'
import { migrationsFolder } from '../src/hub/database/migration-files.ts'

const help = `用法 / usage: node scripts/run.mjs scripts/schema-dump.ts [--check]

将全部迁移执行后的库结构写入 migrations/schema.sql;--check 只比较,不写。
Writes the schema that all migrations make to migrations/schema.sql; --check only compares.`

const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } })
const path = join(migrationsFolder, 'schema.sql')

if (values.help) {
  console.log(help)
} else if (values.check) {
  const isEqual = (await dumpFreshSchema()) === readFileSync(path, 'utf8')
  console.log(
    isEqual
      ? 'schema.sql 与迁移一致 / equals the migrations'
      : 'schema.sql 已过期 / is out of date',
  )
  process.exitCode = isEqual ? 0 : 1
} else {
  writeFileSync(path, await dumpFreshSchema())
  console.log(path)
}
