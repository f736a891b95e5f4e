import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { leafHash } from '../../../shared/proofs.ts'
import { manifestName, parseManifest } from '../../../shared/proofs/export-manifest.ts'
import { tilePath, tileWidth, widthOf } from '../../../shared/proofs/tile-paths.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { monthOfId } from '../entry.ts'
import type { TileStore } from '../sealed/tile-store.ts'
import { type Archive, archiveStore } from './archive-store.ts'

type Queries = Pick<Pool, 'query'>

interface LeafRow {
  entry: string
  hash: Buffer
  bytes: Buffer | null
}

/**
 * The tree's store, whose bundles also reach into months that were archived and dropped: entries that the database
 * no longer has are read from the archive's folder, each checked against the leaf that the tree has for it.
 * `not-found`, with the month and its folder, where that folder is not at hand.
 */
export const withArchives = <Store extends Pick<TileStore, 'bundle'>>(
  store: Store,
  pool: Queries,
): Store => ({
  ...store,
  bundle: async (number: number, width: number) =>
    (await store.bundle(number, width)) ?? (await mixedBundle(pool, number, width)),
})

/** At a month's edge a bundle has entries of both kinds. Null where the tree does not reach so far. */
async function mixedBundle(pool: Queries, number: number, width: number): Promise<Buffer[] | null> {
  const { rows } = await pool.query<LeafRow>(
    `select leaves.entry, leaves.hash, entries.leaf_bytes as bytes
     from audit.leaves left join audit.entries on entries.id = leaves.entry
     where position >= $1 and position < $2 order by position`,
    [number * tileWidth, number * tileWidth + width],
  )
  if (rows.length < width) return null
  const bundles = new Map<string, Promise<Buffer[]>>()
  return Promise.all(
    rows.map(async ({ entry, hash, bytes }, index) => {
      if (bytes !== null) return bytes
      const month = monthOfId(entry)
      const opened =
        bundles.get(month) ??
        openArchived(pool, { month, number, entry, position: number * tileWidth + index })
      bundles.set(month, opened)
      const archived = (await opened)[index]
      if (archived !== undefined && leafHash(archived).equals(hash)) return archived
      throw notAtHand(month)
    }),
  )
}

interface Missed {
  month: string
  /** Of the bundle. */
  number: number
  entry: string
  position: number
}

/** The entry is not in the database: where its month was never archived, somebody has taken it out of the log. */
async function openArchived(
  pool: Queries,
  { month, number, entry, position }: Missed,
): Promise<Buffer[]> {
  const archive = await archiveStore(pool).find(month)
  if (archive === null) {
    throw new Error(
      `日志缺少第 ${position} 号条目 ${entry} / the log lacks entries of ${month}: entry ${entry} at position ${position}`,
    )
  }
  const read = (path: string): Promise<Buffer | null> =>
    readFile(join(archive.folder, path)).catch(() => null)
  const manifest = parseManifest((await read(manifestName))?.toString() ?? '')
  if (manifest === null) throw notAtHand(month)
  const width = widthOf(0, number, manifest.size)
  const bundle = await read(tilePath({ level: 'entries', number, width }))
  if (bundle === null) throw notAtHand(month)
  return entriesOf(bundle)
}

/** A bundle's entries (C2SP tlog-tiles): each behind its length in two bytes. */
function entriesOf(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at + 2 <= bundle.length;) {
    const end = at + 2 + bundle.readUInt16BE(at)
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return entries
}

const notAtHand = (month: string): Refusal =>
  new Refusal(
    'not-found',
    `${month} 的条目已归档移出,而归档目录不可读或与日志不符;证明与检查点不受影响 / The entries of ${month} were archived, and the archive's folder cannot be read or does not match the log; proofs and checkpoints are not affected`,
  )

/**
 * Why an entry that was logged is not here: its month was archived and dropped. Null where that is not the reason.
 * Its seal and its receipt's proof are still to be had.
 */
export async function archivedRefusal(pool: Queries, entry: string): Promise<Refusal | null> {
  const month = monthOfId(entry)
  const { rows } = await pool.query<Pick<Archive, 'folder'>>(
    `select folder from audit.archives join audit.leaves on leaves.entry = $2
     where month = $1 and step = 'dropped'`,
    [month, entry],
  )
  if (!rows[0]) return null
  return new Refusal(
    'not-found',
    `该记录属 ${month},已归档移出;包含性证明仍可取得,内容在归档中 / This entry is of ${month}, which was archived; its inclusion proof is still served, what it says is in the archive`,
  )
}

/** From when on look-ups and searches can answer: what came before was archived. Null where nothing was. */
export async function heldSince(pool: Queries): Promise<string | null> {
  const { rows } = await pool.query<{ since: string | null }>(
    `select audit.instant_of_id(audit.first_id_after_month(max(month))) as since
     from audit.archives where step = 'dropped'`,
  )
  return rows[0]?.since ?? null
}
