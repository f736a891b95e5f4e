import { withArchives } from '../archive/archived-bundles.ts'
import type { ClientBase, Pool } from 'pg'
import { boundsOfMonth } from '../../../shared/proofs/entries.ts'
import type { KeyHandover } from '../../../shared/proofs/trusted-keys.ts'
import type { Range } from '../../../shared/proofs/tile-paths.ts'
import { StartRefusal } from '../../start-refusal.ts'
import { openDetails } from '../details.ts'
import { monthOfId } from '../entry.ts'
import type { AuditKeys } from '../keys.ts'
import { readOrigin, readSealKeys } from '../sealed/seal-keys.ts'
import { type TileStore, tileStore } from '../sealed/tile-store.ts'

/** A month of the sealed log, as an export is written from it. */
export interface ExportSource {
  month: string
  origin: string
  /** The checkpoint that all is proved against. */
  last: SizedNote
  /** Where neighbouring months meet. */
  checkpoints: readonly SizedNote[]
  keys: readonly KeyHandover[]
  ranges: readonly Range[]
  store: Pick<TileStore, 'tile' | 'bundle'>
  /** What the entries between two positions say, one line of JSON each; absent where it is not shown. */
  factLines?: (from: number, to: number) => Promise<string[]>
}

export interface SizedNote {
  size: number
  note: string
}

export interface SourceCall {
  /** May take as long as it needs: a month of ten million entries is counted with it. */
  client: ClientBase
  pool: Pick<Pool, 'query'>
  month: string
  /** Opens what the entries say. */
  keys?: AuditKeys | undefined
}

/** Reads which entries are the month's in the last signed tree. Refuses a month without any. */
export async function readSource({ client, pool, month, keys }: SourceCall): Promise<ExportSource> {
  const store = withArchives(tileStore(pool), pool)
  const last = await store.checkpoint()
  const ranges = last === null ? [] : await readRanges(client, month, last.size)
  const [first, end] = [ranges[0]?.[0], ranges.at(-1)?.[1]]
  if (last === null || first === undefined || end === undefined) throw nothingSealed(month)
  return {
    month,
    origin: await readOrigin(client),
    last: { size: last.size, note: last.note },
    checkpoints: await readEdges(client, first, end),
    keys: await readSealKeys(client),
    ranges,
    store,
    ...(keys && { factLines: (from: number, to: number) => readFacts(pool, keys, [from, to]) }),
  }
}

/**
 * The positions of the month's entries, as few ranges as may be: entries of neighbouring months stand between
 * them where calls of both were under way at once, or one was committed late.
 */
async function readRanges(client: ClientBase, month: string, size: number): Promise<Range[]> {
  const { from, to } = boundsOfMonth(month)
  const { rows } = await client.query<{ from: number; to: number }>(
    `select min(position) as "from", max(position) + 1 as "to" from (
       select position, position - row_number() over (order by position) as run
       from audit.leaves where entry >= $1 and entry < $2 and position < $3) as placed
     group by run order by 1`,
    [lowestId(from), lowestId(to), size],
  )
  return rows.map((row) => [row.from, row.to])
}

/** The first 48 bits of an id are its time (RFC 9562, section 5.7). */
function lowestId(ms: number): string {
  const digits = Math.max(0, ms).toString(16).padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`
}

/** The last checkpoint before a month's first entry, and the first that covers its last one. */
async function readEdges(client: ClientBase, first: number, end: number): Promise<SizedNote[]> {
  const { rows } = await client.query<SizedNote>(
    `(select size, note from audit.checkpoints where size <= $1 and size > 0 order by size desc limit 1)
     union (select size, note from audit.checkpoints where size >= $2 order by size limit 1) order by size`,
    [first, end],
  )
  return rows
}

interface FactsRow {
  position: number
  entry: string
  details: Buffer | null
  /** Of what was redacted; null where nothing was. */
  digests: Record<string, string> | null
}

/**
 * Digests are read by the statement that reads the details: a redaction that is carried out meanwhile has
 * changed both or neither. Where the month's details have left the database no digests are of use.
 */
async function readFacts(
  pool: Pick<Pool, 'query'>,
  keys: AuditKeys,
  [from, to]: Range,
): Promise<string[]> {
  const { rows } = await pool.query<FactsRow>({
    name: 'export-facts',
    text: `select position, entry, details,
        (select jsonb_object_agg(erased.key, erased.value) from audit.redactions
         cross join lateral jsonb_each(digests) erased where redactions.entry = leaves.entry) as digests
      from audit.leaves left join audit.search on search.id = leaves.entry
      where position >= $1 and position < $2 order by position`,
    values: [from, to],
  })
  return Promise.all(
    rows.map(async ({ position, entry: id, details, digests }) => {
      if (details === null) return JSON.stringify({ position, id, facts: {}, salts: {} })
      const opened = openDetails(await keys.month(monthOfId(id)), details)
      return JSON.stringify({ position, id, ...opened, ...(digests !== null && { digests }) })
    }),
  )
}

const nothingSealed = (month: string): StartRefusal =>
  new StartRefusal(
    `${month} 没有已密封的审计条目,未导出。 / ${month} has no sealed entries: nothing was exported.`,
  )
