import type { ClientBase } from 'pg'
import type {
  KeptMigration,
  KeptMonth,
  KeptSequence,
  Manifest,
  TableFacts,
  TableMaking,
} from './manifest.ts'

export interface MeasuredTable extends TableFacts {
  /** Roughly what it takes on disk: the measure of progress. */
  diskBytes: number
}

/**
 * Every table of the hub but its ledger of migrations, which the migrations themselves write. The queue's
 * schema is left out on purpose: a run is a row, and the sweep rings again for those left queued.
 */
export async function readTables(client: ClientBase): Promise<MeasuredTable[]> {
  const { rows } = await client.query<Omit<MeasuredTable, 'making'> & { oid: number }>(`
    select c.oid::int8 as oid, n.nspname as schema, c.relname as name,
      c.relkind = 'p' as "isPartitioned",
      array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
        and not a.attisdropped and a.attgenerated = '' order by a.attnum) as columns,
      coalesce((select sum(pg_table_size(relid)) from pg_partition_tree(c.oid)),
        pg_table_size(c.oid))::int8 as "diskBytes"
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any('{hub,records,audit}') and c.relkind in ('r', 'p') and not c.relispartition
      and (n.nspname, c.relname) <> ('hub', 'migrations')
    order by n.nspname, c.relname`)
  const tables: MeasuredTable[] = []
  for (const { oid, ...facts } of rows) {
    const making = facts.schema === 'records' ? await readMaking(client, oid) : null
    tables.push({ ...facts, making })
  }
  return orderByReferences(tables, await readReferences(client))
}

/** As it stands, columns that a revision no longer names included: no draft could tell them. */
async function readMaking(client: ClientBase, oid: number): Promise<TableMaking> {
  const columns = await client.query<TableMaking['columns'][number]>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       a.attnotnull as "isRequired", pg_get_expr(d.adbin, d.adrelid) as fallback
     from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [oid],
  )
  const constraints = await client.query<{ text: string }>(
    `select format('constraint %I %s', conname, pg_get_constraintdef(oid)) as text
     from pg_constraint where conrelid = $1 and contype <> 'n' order by conname`,
    [oid],
  )
  // An index that is only half built is built anew by the hub, which still has it marked as pending.
  const indexes = await client.query<{ text: string }>(
    `select pg_get_indexdef(i.indexrelid) as text from pg_index i
     where i.indrelid = $1 and i.indisvalid
       and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
     order by i.indexrelid`,
    [oid],
  )
  const texts = (found: { rows: { text: string }[] }): string[] =>
    found.rows.map(({ text }) => text)
  return { columns: columns.rows, constraints: texts(constraints), indexes: texts(indexes) }
}

interface Reference {
  from: string
  to: string
}

async function readReferences(client: ClientBase): Promise<Reference[]> {
  const { rows } = await client.query<Reference>(
    `select conrelid::regclass::text as "from", confrelid::regclass::text as "to" from pg_constraint
     where contype = 'f' and conrelid <> confrelid and connamespace = 'hub'::regnamespace`,
  )
  return rows
}

/** What is referred to comes first. References of a table to itself are checked at its COPY's end. */
function orderByReferences(tables: MeasuredTable[], references: Reference[]): MeasuredTable[] {
  const names = tables.map(({ schema, name }) => `${schema}.${name}`)
  const byName = new Map(tables.map((table) => [`${table.schema}.${table.name}`, table]))
  const ordered = new Set<MeasuredTable>()
  const visit = (name: string): void => {
    const table = byName.get(name)
    if (table === undefined || ordered.has(table)) return
    byName.delete(name)
    for (const { from, to } of references) if (from === name) visit(to)
    ordered.add(table)
  }
  for (const name of names) visit(name)
  return [...ordered]
}

/** Read after the tables: a sequence knows no snapshot, and may only be ahead of what was copied. */
export async function readSequences(client: ClientBase): Promise<KeptSequence[]> {
  const { rows } = await client.query<{ schema: string; name: string; quotedName: string }>(
    `select n.nspname as schema, c.relname as name, c.oid::regclass::text as "quotedName"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any('{hub,records,audit}') and c.relkind = 'S' order by 1, 2`,
  )
  const sequences: KeptSequence[] = []
  for (const { schema, name, quotedName } of rows) {
    const value = await client.query<{ lastValue: string; isCalled: boolean }>(
      `select last_value::text as "lastValue", is_called as "isCalled" from ${quotedName}`,
    )
    for (const { lastValue, isCalled } of value.rows) {
      sequences.push({ schema, name, lastValue, isCalled })
    }
  }
  return sequences
}

/** The audit log's months; its default partitions are made by the migrations. */
export async function readMonths(client: ClientBase): Promise<KeptMonth[]> {
  const { rows } = await client.query<KeptMonth>(
    `select parent.relname as parent, substr(c.relname, length(parent.relname) + 2) as suffix,
       pg_get_expr(c.relpartbound, c.oid) as bounds
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class parent on parent.oid = i.inhparent
     where c.relnamespace = 'audit'::regnamespace and c.relkind = 'r'
       and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
     order by c.relname`,
  )
  return rows
}

type SnapshotFacts = Pick<
  Manifest,
  'postgresVersion' | 'takenAt' | 'migrations' | 'lastAuditEntry' | 'changeNumbers'
>

/** What the snapshot is, beside its tables. */
export async function readSnapshotFacts(client: ClientBase): Promise<SnapshotFacts> {
  const server = await client.query<{ postgresVersion: string; takenAt: string }>(
    `select current_setting('server_version') as "postgresVersion", now()::timestamptz(3) as "takenAt"`,
  )
  const migrations = await client.query<KeptMigration>(
    `select version, name, sha256, applied_at as "appliedAt" from hub.migrations order by version`,
  )
  const entry = await client.query<{ id: string }>(
    'select id from audit.entries order by id desc limit 1',
  )
  const numbers = await client.query<{ resource: string; lastSeq: number }>(
    `select resource, last_seq as "lastSeq" from hub.change_numbers order by resource`,
  )
  const [first] = server.rows
  if (first === undefined) throw new Error('The server answered nothing')
  return {
    ...first,
    migrations: migrations.rows,
    lastAuditEntry: entry.rows[0]?.id ?? null,
    changeNumbers: numbers.rows,
  }
}
