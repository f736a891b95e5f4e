import type pg from 'pg'
import type { EntrySearch, ListedEntry } from '../../../schemas/api/audit.ts'

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

/** Entries, newest first. Times are bounds of ids, so months outside them are not even opened. */
export async function searchEntries(pool: pg.Pool, filter: EntryFilter): Promise<ListedEntry[]> {
  const { from, to, beforeId, rowsMax } = filter
  const conditions: [string, unknown][] = [
    ['department =', filter.department],
    ['system =', filter.system],
    ['resource =', filter.resource],
    ['outcome =', filter.outcome],
    ['purpose =', filter.purpose],
    ['case_hash =', filter.caseHash],
    ['id >=', from === undefined ? undefined : firstIdOf(from)],
    ['id <', to === undefined ? undefined : firstIdOf(to)],
    ['id <', beforeId ?? undefined],
  ]
  const given = conditions.filter(([, value]) => value !== undefined)
  const wheres = given.map(([condition], index) => `${condition} $${index + 1}`)
  const { rows } = await pool.query<ListedEntry>(
    `select ${listedColumns} from audit.search
     ${wheres.length > 0 ? `where ${wheres.join(' and ')}` : ''}
     order by id desc limit ${rowsMax}`,
    given.map(([, value]) => value),
  )
  return rows
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
  const { rows } = await pool.query<FoundLook['entry'] & { details: Buffer | null }>(
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
