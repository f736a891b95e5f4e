import type pg from 'pg'
import type { EntrySearch, ListedEntry } from '../../../schemas/api/audit.ts'
import { inTransaction } from '../database/connect.ts'
import { instantOfId } from './entry.ts'
import { searchLimits } from './search-limits.ts'

/** Columns of the projection as answers name them. */
export const listedColumns = `id, ready_at as "readyAt", operation, outcome, code, department, system, resource, purpose`

export interface EntryFilter extends Omit<EntrySearch, 'limit' | 'after' | 'caseNumber'> {
  caseHash?: Buffer
  /** Only entries older than this one. */
  beforeId: string | null
  rowsMax: number
}

/** The lowest id of an instant: 48 bits of milliseconds, the rest zero (RFC 9562, section 5.7). */
export function firstIdOf(instant: string): string {
  const ms = Math.min(Math.max(Date.parse(instant), 0), 2 ** 48 - 1)
  const digits = ms.toString(16).padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`
}

type Condition = readonly [condition: string, value: unknown]

/** The bounds of one statement: ids at least `from`, below `below`. */
interface Slice {
  from: string | null
  below: string | null
}

const conditionsOf = (filter: EntryFilter): Condition[] =>
  (
    [
      ['department =', filter.department],
      ['system =', filter.system],
      ['resource =', filter.resource],
      ['outcome =', filter.outcome],
      ['purpose =', filter.purpose],
      ['case_hash =', filter.caseHash],
    ] as const
  ).filter(([, value]) => value !== undefined)

export interface FoundEntries {
  entries: ListedEntry[]
  /**
   * Where the search stopped for lack of time although there may be more below: an id of no entry, to go on
   * from. Null where it found enough or came to the end.
   */
  stoppedAt: string | null
}

/**
 * Entries, newest first. Walks back in slices of time that grow while they are answered fast, so that what is
 * common is found at once in the newest slice, and what is rare is looked for by the summaries of each range
 * of pages (BRIN) instead of row by row. Stops after `searchMsMax` with what it has: a page may be short, even
 * empty, and yet have a `next`.
 */
export async function searchEntries(
  pool: pg.Pool,
  filter: EntryFilter,
  msMax: number = searchLimits.searchMsMax,
): Promise<FoundEntries> {
  const conditions = conditionsOf(filter)
  const lowest = filter.from === undefined ? null : firstIdOf(filter.from)
  const entries: ListedEntry[] = []
  const begun = performance.now()
  let below = lowerId(filter.beforeId, filter.to === undefined ? null : firstIdOf(filter.to))
  let hours = searchLimits.firstSliceHours
  for (;;) {
    const isWhole = conditions.length === 0
    const from = isWhole ? lowest : sliceStart(below, hours, lowest)
    const sliceBegun = performance.now()
    const rowsMax = filter.rowsMax - entries.length
    const isLarge = hours > searchLimits.orderedHoursMax
    const read = isLarge && !isWhole ? readGathered : readOrdered
    const found = await read(pool, { ...whereOf(conditions, { from, below }), rowsMax })
    entries.push(...found)
    if (entries.length >= filter.rowsMax || from === lowest) return { entries, stoppedAt: null }
    if (performance.now() - begun > msMax) return { entries, stoppedAt: from }
    below = from
    hours *= growth(performance.now() - sliceBegun)
  }
}

/** A slice may take a quarter of the whole time: four times as much is risked only far below that. */
function growth(ms: number): number {
  const share = ms / searchLimits.searchMsMax
  if (share < 1 / 16) return 4
  return share > 1 / 4 ? 1 / 2 : 1
}

const lowerId = (one: string | null, other: string | null): string | null =>
  one === null || (other !== null && other < one) ? other : one

const hourMs = 60 * 60 * 1000

/** Where a slice begins; the lowest of all once it reaches back beyond any log. */
function sliceStart(below: string | null, hours: number, lowest: string | null): string | null {
  const end = below === null ? Date.now() : Math.min(instantOfId(below), Date.now())
  const start = end - hours * hourMs
  if (start < searchLimits.logsBeginAt) return lowest
  const id = firstIdOf(new Date(start).toISOString())
  return lowest !== null && lowest > id ? lowest : id
}

interface SliceQuery {
  where: string
  values: unknown[]
  rowsMax: number
}

function whereOf(
  conditions: readonly Condition[],
  { from, below }: Slice,
): Omit<SliceQuery, 'rowsMax'> {
  const all: Condition[] = [...conditions]
  if (from !== null) all.push(['id >=', from])
  if (below !== null) all.push(['id <', below])
  const wheres = all.map(([condition], index) => `${condition} $${index + 1}`)
  const where = wheres.length > 0 ? `where ${wheres.join(' and ')}` : ''
  return { where, values: all.map(([, value]) => value) }
}

type ReadSlice = (pool: pg.Pool, query: SliceQuery) => Promise<ListedEntry[]>

/** Newest first by the primary key, until there are enough. */
const readOrdered: ReadSlice = async (pool, { where, values, rowsMax }) => {
  const text = `select ${listedColumns} from audit.search ${where} order by id desc limit ${rowsMax}`
  return (await pool.query<ListedEntry>(text, values)).rows
}

/**
 * All that match, then the newest of them. What was not found often in the slices before is rare, which the
 * planner cannot know: told of the limit, it would walk the primary key.
 */
const readGathered: ReadSlice = (pool, { where, values, rowsMax }) =>
  readBySummaries<ListedEntry>(
    pool,
    `with matching as materialized (select ${listedColumns} from audit.search ${where})
     select * from matching order by id desc limit ${rowsMax}`,
    values,
  )

/**
 * By the summaries of page ranges (BRIN with Bloom filters). The planner reckons that they leave the whole table
 * to be read, for it cannot know that a filter rules out nearly all of it.
 */
function readBySummaries<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  text: string,
  values: unknown[],
): Promise<Row[]> {
  return inTransaction(pool, async (client) => {
    await client.query('set local enable_seqscan = off')
    return (await client.query<Row>(text, values)).rows
  })
}

export interface FoundEntry {
  entry: ListedEntry
  leafBytes: Buffer
  leafHash: Buffer
  details: Buffer | null
}

export async function findEntry(pool: pg.Pool, id: string): Promise<FoundEntry | null> {
  const { rows } = await pool.query<
    ListedEntry & { leafBytes: Buffer; leafHash: Buffer; details: Buffer | null }
  >(
    `select ${listedColumns}, details, leaf_bytes as "leafBytes", leaf_hash as "leafHash"
     from audit.entries join audit.search using (id) where id = $1`,
    [id],
  )
  if (!rows[0]) return null
  const { leafBytes, leafHash, details, ...entry } = rows[0]
  return { entry, leafBytes, leafHash, details }
}

export interface LookQuery {
  resource: string
  hashes: readonly Buffer[]
  /** The record's change numbers, for feeds and deliveries that covered them. */
  sequences: readonly number[]
  beforeId: string | null
  rowsMax: number
}

export interface FoundLook {
  entry: ListedEntry & { via: 'subject' | 'range' }
  details: Buffer | null
}

const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** Calls that were about a record: by its hashes, and through ranges that hold one of its change numbers. */
export async function findLooks(pool: pg.Pool, query: LookQuery): Promise<FoundLook[]> {
  const rows = await readBySummaries<FoundLook['entry'] & { details: Buffer | null }>(
    pool,
    `with by_subject as (
       select distinct id from audit.subjects where subject = any($1::bytea[]) and id < $4
       order by id desc limit $5
     ), by_range as (
       select distinct ranges.id
       from unnest($2::bigint[]) as sequence
       join audit.ranges on int8range(ranges.after, ranges.through, '(]') @> sequence
       where ranges.resource = $3 and ranges.id < $4
       order by ranges.id desc limit $5
     ), found as (
       select id, max(via) as via
       from (select id, 'subject' as via from by_subject union all select id, 'range' from by_range) as either
       group by id order by id desc limit $5
     )
     select ${listedColumns}, via, details from found join audit.search using (id) order by id desc`,
    [query.hashes, query.sequences, query.resource, query.beforeId ?? lastId, query.rowsMax],
  )
  return rows.map(({ details, ...entry }) => ({ entry, details }))
}
