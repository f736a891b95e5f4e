import { join } from 'node:path'
import type { ClientBase } from 'pg'
import { quoted } from '../records/record-table.ts'
import { copyIn } from './copy-files.ts'
import { damaged, type KeptTable, type Manifest, type TableMaking } from './manifest.ts'
import type { Tally } from './progress.ts'
import { inOne } from './snapshot.ts'

export interface Load {
  folder: string
  tables: readonly KeptTable[]
  tally: Tally
}

const nameOf = ({ schema, name }: KeptTable): string => `${quoted(schema)}.${quoted(name)}`

function createText(table: KeptTable, { columns }: TableMaking): string {
  const lines = columns.map(({ name, type, isRequired, fallback }) => {
    const required = isRequired ? ' not null' : ''
    return `${quoted(name)} ${type}${fallback === null ? '' : ` default ${fallback}`}${required}`
  })
  return `create table ${nameOf(table)} (${lines.join(', ')})`
}

/**
 * Makes and fills the tables that no migration makes, each in a transaction of its own: one for all of them
 * would hold more locks at its end than a server with usual settings has.
 */
export async function loadRecordTables(app: ClientBase, load: Load): Promise<void> {
  for (const table of load.tables) {
    const { making } = table
    if (making !== null) await inOne(app, () => loadRecordTable(app, load, { ...table, making }))
  }
}

/** Keys and indexes come after the rows, which is faster. */
async function loadRecordTable(
  app: ClientBase,
  load: Load,
  table: KeptTable & { making: TableMaking },
): Promise<void> {
  const { making } = table
  await app.query(createText(table, making))
  await loadTable(app, load, table)
  for (const constraint of making.constraints) {
    await app.query(`alter table ${nameOf(table)} add ${constraint}`)
  }
  for (const index of making.indexes) await app.query(index)
  await app.query(`analyze ${nameOf(table)}`)
}

/**
 * Fills the tables that the migrations made; their order lets every reference find what it refers to. What
 * a migration itself put into a table is in the backup as well. Triggers that keep the log from being changed
 * stand aside within this one transaction, as only the owner can have them do; references are checked.
 */
export async function loadHubTables(owner: ClientBase, load: Load): Promise<void> {
  const made = load.tables.filter(({ making }) => making === null)
  for (const table of made.toReversed()) {
    await owner.query(`alter table ${nameOf(table)} disable trigger user`)
    await owner.query(`delete from ${nameOf(table)}`)
  }
  for (const table of made) await loadTable(owner, load, table)
  await owner.query('set constraints all immediate')
  for (const table of made) {
    await owner.query(`alter table ${nameOf(table)} enable trigger user`)
    await owner.query(`analyze ${nameOf(table)}`)
  }
}

async function loadTable(client: ClientBase, load: Load, table: KeptTable): Promise<void> {
  const { tally } = load
  tally.begin(`${table.schema}.${table.name}`, table.bytes)
  const path = join(load.folder, table.file)
  const isFrozen = table.making !== null
  const { rows, sha256 } = await copyIn(client, table, { path, count: tally.count, isFrozen })
  // Verified before anything was written; whoever changes a file since then is found out here.
  if (rows !== table.rows || sha256 !== table.sha256) throw damaged(path)
  tally.end(rows)
}

/** Numbers that were given are not given again. */
export async function setSequences(
  owner: ClientBase,
  { sequences }: Pick<Manifest, 'sequences'>,
): Promise<void> {
  for (const { schema, name, lastValue, isCalled } of sequences) {
    await owner.query('select setval(to_regclass($1), $2, $3)', [
      `${quoted(schema)}.${quoted(name)}`,
      lastValue,
      isCalled,
    ])
  }
}
