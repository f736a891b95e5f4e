import type { FieldType } from '../../../schemas/field.ts'
import type { SqlSession } from '../sql/session.ts'
import { utcText } from './cells.ts'
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

/** The protocol's own limit is 65,535 parameters a statement. */
const parametersMax = 60_000
const rowsPerStatement = 1_000
const removalsPerStatement = 300

/** A row of InnoDB has 65,535 bytes; longer texts are kept beside it, as `text`. */
const varcharCharactersMax = 255
const rowVarcharBytesMax = 40_000
const bytesPerCharacter = 4

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``

/** Of decimals without a width: the most that the store has, 35 digits before the point and 30 behind. */
const widestDecimal = { digits: 65, scale: 30 }

const plainTypes: Record<Exclude<FieldType, 'text' | 'decimal'>, string> = {
  integer: 'bigint',
  date: 'date',
  datetime: 'datetime(6)',
  boolean: 'boolean',
  object: 'json',
  array: 'json',
}

function textType(length: number | undefined, isRoomy: boolean): string {
  if (length === undefined) return 'longtext'
  if (length <= varcharCharactersMax + 1 && isRoomy) return `varchar(${length})`
  return length * bytesPerCharacter <= 65_535 ? 'text' : 'longtext'
}

function columnType({ type, length, scale }: TableColumn, isRoomy: boolean): string {
  if (type === 'text') return textType(length, isRoomy)
  if (type !== 'decimal') return plainTypes[type]
  if (length === undefined || scale === undefined)
    return `decimal(${widestDecimal.digits}, ${widestDecimal.scale})`
  return `decimal(${length}, ${scale})`
}

/** All texts as `varchar` fit the row, or only keys may be. */
const hasRoom = (columns: readonly TableColumn[]): boolean =>
  columns.reduce((sum, { length = 0 }) => sum + length, 0) * bytesPerCharacter <= rowVarcharBytesMax

/** Keys that differ in case or in a blank at the end are different keys. */
async function exactCollation(session: SqlSession): Promise<string> {
  const [found] = await session.query<{ name: string }>(
    `select collation_name as name from information_schema.collations
     where collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')`,
  )
  return found?.name ?? 'utf8mb4_bin'
}

/** Titles are for people: what could end the literal is left out rather than escaped by guess. */
const commentOf = (title: string): string =>
  ` comment '${title.replaceAll(/[\\'\p{Cc}]/gu, '').slice(0, 250)}'`

async function create(session: SqlSession, plan: TablePlan): Promise<void> {
  const collation = await exactCollation(session)
  const isRoomy = hasRoom(plan.columns)
  const define = (column: TableColumn): string => {
    const isKey = plan.primaryKey.includes(column.name)
    const type = columnType(column, isRoomy || isKey)
    return type + (column.isRequired ? ' not null' : ' null') + commentOf(column.title)
  }
  await session.execute(
    `${createText(mysqlTarget, plan, define)} engine = InnoDB default character set utf8mb4 collate ${collation}`,
  )
}

const insertText = ({ table, columns }: TablePlan, rowCount: number): string => {
  const row = `(${columns.map(() => '?').join(', ')})`
  const names = columns.map(({ name }) => name)
  return `insert into ${quotedName(mysqlTarget, table)} (${quotedList(mysqlTarget, names)})
    values ${Array.from({ length: rowCount }, () => row).join(', ')}`
}

/**
 * Assignments are made one after the other and see what those before them left, so `_seq` and then
 * `_generation` come last: the condition then reads the same for every column of the row.
 */
const updateText = ({ columns }: TablePlan): string => {
  const isNewer = '`_generation` < values(`_generation`) or `_seq` <= values(`_seq`)'
  const names = columns.map(({ name }) => name)
  const last = ['_seq', '_generation']
  return [...names.filter((name) => name !== '_key' && !last.includes(name)), ...last]
    .map((name) => quote(name))
    .map((name) => `${name} = if(${isNewer}, values(${name}), ${name})`)
    .join(', ')
}

async function run(
  session: SqlSession,
  plan: TablePlan,
  { rows, after }: { rows: readonly Cell[][]; after: string },
): Promise<void> {
  const [limits] = await session.query<{ bytes: string }>('select @@max_allowed_packet as bytes')
  const bytesMax = Number(limits?.bytes ?? 1_048_576) / 2
  const countMax = Math.min(rowsPerStatement, Math.floor(parametersMax / plan.columns.length))
  for (const slice of packets(rows, countMax, bytesMax))
    await session.execute(insertText(plan, slice.length) + after, slice.flat())
}

/** Slices by count and by bytes, at four bytes a character at most. */
function* packets(
  rows: readonly Cell[][],
  countMax: number,
  bytesMax: number,
): Generator<Cell[][]> {
  let slice: Cell[][] = []
  let byteCount = 0
  for (const row of rows) {
    const size = row.reduce((sum, cell) => sum + 8 + (cell?.length ?? 0) * 4, 0)
    if (slice.length > 0 && (slice.length >= countMax || byteCount + size > bytesMax)) {
      yield slice
      slice = []
      byteCount = 0
    }
    slice.push(row)
    byteCount += size
  }
  if (slice.length > 0) yield slice
}

const textTypes = ['varchar', 'text', 'mediumtext', 'longtext']

const accepted: Record<FieldType, readonly string[]> = {
  text: textTypes,
  integer: ['bigint'],
  decimal: ['decimal'],
  date: ['date'],
  datetime: ['datetime'],
  boolean: ['tinyint'],
  object: ['json', 'mediumtext', 'longtext'],
  array: ['json', 'mediumtext', 'longtext'],
}

function fits(column: TableColumn, existing: ExistingColumn): boolean {
  const { name, type, length, scale } = column
  if (!accepted[type].includes(existing.type)) return false
  if (existing.inWords.includes('unsigned')) return false
  if (type === 'datetime') return existing.precision === 6
  if (type === 'decimal') return holdsDecimal(existing, length, scale)
  if (type !== 'text') return true
  const isExact = name !== '_key' || (existing.collation?.endsWith('_bin') ?? false)
  const isUnicode = existing.collation?.startsWith('utf8mb4') ?? false
  return isExact && isUnicode && (existing.length ?? 0) >= (length ?? 16_000_000 / 4)
}

function holdsDecimal(
  existing: ExistingColumn,
  length: number | undefined = widestDecimal.digits,
  scale: number | undefined = widestDecimal.scale,
): boolean {
  const held = existing.scale ?? 0
  return held >= scale && (existing.precision ?? 0) - held >= length - scale
}

export const mysqlTarget: TargetDialect = {
  quote,
  parameter: () => '?',
  settle: async (session) => {
    await session.execute(
      "set session sql_mode = concat_ws(',', nullif(@@sql_mode, ''), 'STRICT_ALL_TABLES')",
    )
  },
  defaultSchema: async (session) => {
    const [row] = await session.query<{ name: string | null }>('select database() as name')
    return row?.name ?? ''
  },
  create,
  describe: async (session, { schema, name }) => {
    const columns = await session.query<Record<string, string | null>>(columnsText, [schema, name])
    if (columns.length === 0) return null
    const keys = await session.query<{ key: string; name: string }>(keysText, [schema, name])
    return { columns: columns.map(existingColumn), uniqueKeys: keysOf(keys) }
  },
  fits,
  textOf: (value, { type }) => {
    if (type === 'boolean') return String(value) === 'true' ? '1' : '0'
    return type === 'datetime' ? utcText(String(value)) : String(value)
  },
  insert: (session, plan, rows) => run(session, plan, { rows, after: '' }),
  upsert: (session, plan, rows) =>
    run(session, plan, { rows, after: ` on duplicate key update ${updateText(plan)}` }),
  remove: async (session, table, removals, generation) => {
    const one = '(`_key` = ? and (`_generation` < ? or `_seq` <= ?))'
    for (const slice of slices(removals, removalsPerStatement))
      await session.execute(
        `delete from ${quotedName(mysqlTarget, table)} where ${slice.map(() => one).join(' or ')}`,
        slice.flatMap(({ key, seq }) => [key, String(generation), String(seq)]),
      )
  },
  lock: (session, { table, column, value, columns }) =>
    session.query(
      `select ${quotedList(mysqlTarget, columns)} from ${quotedName(mysqlTarget, table)}
       where ${quote(column)} = ? for update`,
      [value],
    ),
}

const existingColumn = (row: Record<string, string | null>): ExistingColumn => ({
  name: String(row['name']),
  type: String(row['type']),
  inWords: [row['words'], row['collation']].filter((word) => word !== null).join(' '),
  length: numberOrNull(row['length']),
  precision: numberOrNull(row['digits']),
  scale: numberOrNull(row['scale']),
  collation: row['collation'] ?? null,
  isRequired: row['required'] === 'yes',
  isFilled: row['filled'] === 'yes',
})

/** Lengths of `text` are bytes in the catalog, those of `varchar` characters. */
const columnsText = `
  select column_name as name, lower(data_type) as type, lower(column_type) as words,
    case when data_type = 'varchar' then character_maximum_length
      else floor(character_octet_length / 4) end as length,
    coalesce(datetime_precision, numeric_precision) as digits, numeric_scale as scale,
    collation_name as collation,
    case is_nullable when 'NO' then 'yes' else 'no' end as required,
    case when column_default is not null or extra like '%auto_increment%'
      or extra like '%generated%' then 'yes' else 'no' end as filled
  from information_schema.columns
  where table_schema = ? and table_name = ?
  order by ordinal_position`

const keysText = `
  select index_name as \`key\`, column_name as name
  from information_schema.statistics
  where table_schema = ? and table_name = ? and non_unique = 0 and sub_part is null
  order by index_name, seq_in_index`
