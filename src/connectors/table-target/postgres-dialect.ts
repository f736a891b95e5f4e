import type { FieldType } from '../../../schemas/field.ts'
import type { SqlSession } from '../sql/session.ts'
import {
  type Cell,
  createText,
  type ExistingColumn,
  keysOf,
  numberOrNull,
  quotedList,
  quotedName,
  slices,
  type TableColumn,
  type TablePlan,
  type TargetDialect,
} from './dialect.ts'

/** The type that a bound text is cast to; a decimal keeps every digit that it came with. */
const castTypes: Record<FieldType, string> = {
  text: 'text',
  integer: 'bigint',
  decimal: 'numeric',
  date: 'date',
  datetime: 'timestamptz',
  boolean: 'boolean',
  object: 'jsonb',
  array: 'jsonb',
}

const rowsPerStatement = 5_000

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

function columnType({ type, length, scale }: TableColumn): string {
  if (type === 'text' && length !== undefined) return `varchar(${length})`
  if (type === 'decimal' && length !== undefined && scale !== undefined)
    return `numeric(${length}, ${scale})`
  return castTypes[type]
}

/** Rows through arrays, one a column: one plan for any number of rows, and no limit on parameters. */
const insertText = ({ table, columns }: TablePlan): string => {
  const names = columns.map(({ name }) => name)
  const arrays = columns.map((_, index) => `$${index + 1}::text[]`)
  const casts = columns.map(({ type }, index) => `d.c${index}::${castTypes[type]}`)
  return `insert into ${quotedName(postgresTarget, table)} as t (${quotedList(postgresTarget, names)})
    select ${casts.join(', ')}
    from unnest(${arrays.join(', ')}) as d(${columns.map((_, index) => `c${index}`).join(', ')})`
}

const upsertText = (plan: TablePlan): string => {
  const names = plan.columns.map(({ name }) => quote(name)).filter((name) => name !== '"_key"')
  return `${insertText(plan)}
    on conflict ("_key") do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}
    where t."_generation" < excluded."_generation" or t."_seq" <= excluded."_seq"`
}

async function run(
  session: SqlSession,
  text: string,
  { columns }: TablePlan,
  rows: readonly Cell[][],
): Promise<void> {
  for (const slice of slices(rows, rowsPerStatement)) {
    const arrays = columns.map((_, index) => slice.map((row) => row[index] ?? null))
    await session.execute(text, arrays)
  }
}

/** `comment on` takes no parameters: the server itself writes the statement, with everything quoted. */
async function comment(session: SqlSession, { table, columns }: TablePlan): Promise<void> {
  const texts = await session.query<{ text: string }>(
    `select format('comment on column %I.%I.%I is %L', $1::text, $2::text, d.name, d.title) as text
     from unnest($3::text[], $4::text[]) as d(name, title)`,
    [table.schema, table.name, columns.map(({ name }) => name), columns.map(({ title }) => title)],
  )
  for (const { text } of texts) await session.execute(text)
}

function fits({ type, length, scale }: TableColumn, existing: ExistingColumn): boolean {
  const accepted: Record<FieldType, readonly string[]> = {
    text: ['text', 'character varying'],
    integer: ['bigint', 'numeric'],
    decimal: ['numeric'],
    date: ['date'],
    datetime: ['timestamp with time zone'],
    boolean: ['boolean'],
    object: ['jsonb', 'json', 'text'],
    array: ['jsonb', 'json', 'text'],
  }
  if (!accepted[type].includes(existing.type)) return false
  if (type === 'datetime') return existing.precision === 6
  if (type === 'text') return existing.length === null || existing.length >= (length ?? Infinity)
  if (existing.precision === null || existing.type !== 'numeric') return true
  const [digits, decimals] = type === 'integer' ? [19, 0] : [length, scale]
  if (digits === undefined || decimals === undefined) return false
  const held = existing.scale ?? 0
  return held >= decimals && existing.precision - held >= digits - decimals
}

export const postgresTarget: TargetDialect = {
  quote,
  parameter: (position) => `$${position}`,
  settle: async () => undefined,
  defaultSchema: async (session) => {
    const [row] = await session.query<{ name: string | null }>('select current_schema() as name')
    return row?.name ?? 'public'
  },
  create: async (session, plan) => {
    const define = (column: TableColumn): string =>
      columnType(column) + (column.isRequired ? ' not null' : '')
    await session.execute(createText(postgresTarget, plan, define))
    await comment(session, plan)
  },
  describe: async (session, { schema, name }) => {
    const columns = await session.query<Record<string, string | null>>(columnsText, [schema, name])
    if (columns.length === 0) return null
    const keys = await session.query<{ key: string; name: string }>(keysText, [schema, name])
    return { columns: columns.map(existingColumn), uniqueKeys: keysOf(keys) }
  },
  fits,
  textOf: (value) => String(value),
  insert: (session, plan, rows) => run(session, insertText(plan), plan, rows),
  upsert: (session, plan, rows) => run(session, upsertText(plan), plan, rows),
  remove: async (session, table, removals, generation) => {
    await session.execute(
      `delete from ${quotedName(postgresTarget, table)} t
       using unnest($1::text[], $2::bigint[]) as d(key, seq)
       where t."_key" = d.key and (t."_generation" < $3::bigint or t."_seq" <= d.seq)`,
      [removals.map(({ key }) => key), removals.map(({ seq }) => String(seq)), String(generation)],
    )
  },
  lock: (session, { table, column, value, columns }) =>
    session.query(
      `select ${quotedList(postgresTarget, columns)} from ${quotedName(postgresTarget, table)}
       where ${quote(column)} = $1 for update`,
      [value],
    ),
}

const existingColumn = (row: Record<string, string | null>): ExistingColumn => ({
  name: String(row['name']),
  type: String(row['type']),
  inWords: String(row['words']),
  length: numberOrNull(row['length']),
  precision: numberOrNull(row['digits']),
  scale: numberOrNull(row['scale']),
  collation: null,
  isRequired: row['required'] === 'yes',
  isFilled: row['filled'] === 'yes',
})

const columnsText = `
  select c.column_name::text as name, c.data_type::text as type,
    c.data_type || coalesce('(' || c.character_maximum_length || ')', '')
      || case when c.data_type = 'numeric' and c.numeric_precision is not null
         then '(' || c.numeric_precision || ',' || c.numeric_scale || ')' else '' end as words,
    c.character_maximum_length::text as length, coalesce(c.numeric_precision, c.datetime_precision)::text as digits,
    c.numeric_scale::text as scale,
    case c.is_nullable when 'NO' then 'yes' else 'no' end as required,
    case when c.column_default is not null or c.is_identity = 'YES' or c.is_generated = 'ALWAYS'
      then 'yes' else 'no' end as filled
  from information_schema.columns c
  where c.table_schema = $1 and c.table_name = $2
  order by c.ordinal_position`

const keysText = `
  select i.indexrelid::text as key, a.attname::text as name
  from pg_index i
    join pg_class r on r.oid = i.indrelid
    join pg_namespace s on s.oid = r.relnamespace
    cross join lateral unnest(i.indkey::int[]) with ordinality as k(number, position)
    join pg_attribute a on a.attrelid = r.oid and a.attnum = k.number
  where s.nspname = $1 and r.relname = $2
    and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
    and k.position <= i.indnkeyatts
  order by 1, k.position`
