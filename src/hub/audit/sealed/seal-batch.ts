import type { ClientBase } from 'pg'
import { type FullTile, hashBytes, tileWidth, type TreeTail, treeTail } from './tree-tail.ts'

/** The log has been appended to by someone else: this sealer is not the leader any more. */
export class Fenced extends Error {
  constructor() {
    super('Another sealer has appended to the log')
  }
}

interface TreeRow {
  size: number
  root: Buffer
}

export async function readTree(client: Pick<ClientBase, 'query'>): Promise<TreeRow> {
  const { rows } = await client.query<TreeRow>('select size, root from audit.tree')
  const [tree] = rows
  if (tree === undefined) throw new Error('audit.tree is empty')
  return tree
}

/** The tail of the tree as it stands, and its root checked against what was committed with it. */
export async function readTail(client: Pick<ClientBase, 'query'>): Promise<TreeTail> {
  const { size, root } = await readTree(client)
  const levels: Buffer[][] = []
  for (let level = 0, span = 1; span <= size; level += 1, span *= tileWidth) {
    const from = Math.floor(size / (span * tileWidth)) * tileWidth
    const to = Math.floor(size / span)
    levels.push(await hashesBetween(client, level, from, to))
  }
  const tail = treeTail(size, levels)
  if (tail.root().equals(root)) return tail
  throw new Error(`the log's tree of ${size} entries does not have the root that was committed`)
}

/** Hashes of a level, numbers from (included) to (excluded): leaves, or the roots of the tiles below. */
async function hashesBetween(
  client: Pick<ClientBase, 'query'>,
  level: number,
  from: number,
  to: number,
): Promise<Buffer[]> {
  if (to <= from) return []
  const { rows } = await client.query<{ hash: Buffer }>(
    level === 0
      ? 'select hash from audit.leaves where position >= $1 and position < $2 order by position'
      : 'select root as hash from audit.tiles where level = $3 and number >= $1 and number < $2 order by number',
    level === 0 ? [from, to] : [from, to, level - 1],
  )
  if (rows.length !== to - from) throw new Error(`the log lacks hashes of level ${level}`)
  return rows.map(({ hash }) => hash)
}

/**
 * Gives positions to entries that have none, at most so many, in one transaction: what is taken out of
 * `pending`, the leaves, the tiles that became full and the tree's new size commit together or not at all
 * (pitfalls, 19). Answers how many. Throws `Fenced` when the tree is not as this sealer knows it.
 */
export async function sealBatch(
  client: ClientBase,
  tail: TreeTail,
  entriesMax: number,
): Promise<number> {
  await client.query('begin')
  try {
    const before = tail.size
    const hashes = await placePending(client, before, entriesMax)
    if (hashes.length > 0) {
      await insertTiles(client, tail.append(hashes))
      await moveTree(client, before, tail)
    }
    await client.query('commit')
    return hashes.length
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

interface PlacedRow {
  /** One behind the other, in the order of their positions; null when nothing was pending. */
  hashes: Buffer | null
  /** An id that is pending although the log has no such entry. */
  missing: string | null
}

/**
 * Makes leaves of what is pending, from position `first` on, and answers their hashes. In one statement: what
 * need not leave the database is not sent to and fro. Each entry is found by a probe of its own: of a month
 * that has just begun the planner would rather read all there is, every time.
 */
async function placePending(
  client: ClientBase,
  first: number,
  entriesMax: number,
): Promise<Buffer[]> {
  const { rows } = await client.query<PlacedRow>({
    name: 'place-pending',
    text: `with taken as (
        delete from audit.pending where ctid = any (array(select ctid from audit.pending limit $2)) returning id
      ), placed as materialized (
        select $1::bigint + row_number() over (order by id) - 1 as position, id,
          (select leaf_hash from audit.entries where entries.id = taken.id) as leaf_hash
        from taken
      ), inserted as (
        insert into audit.leaves (position, entry, hash)
        select position, id, leaf_hash from placed where leaf_hash is not null order by position
      )
      select string_agg(leaf_hash, ''::bytea order by position) as hashes,
        (array_agg(id) filter (where leaf_hash is null))[1] as missing
      from placed`,
    values: [first, entriesMax],
  })
  const { hashes = null, missing = null } = rows[0] ?? {}
  if (missing !== null) throw new Error(`the pending entry ${missing} is not in the log`)
  return hashes === null ? [] : cut(hashes)
}

const cut = (hashes: Buffer): Buffer[] =>
  Array.from({ length: hashes.length / hashBytes }, (_, index) =>
    hashes.subarray(index * hashBytes, (index + 1) * hashBytes),
  )

async function moveTree(client: ClientBase, before: number, tail: TreeTail): Promise<void> {
  const { rowCount } = await client.query({
    name: 'move-tree',
    text: 'update audit.tree set size = $2, root = $3 where size = $1',
    values: [before, tail.size, tail.root()],
  })
  if (rowCount !== 1) throw new Fenced()
}

async function insertTiles(client: ClientBase, tiles: readonly FullTile[]): Promise<void> {
  if (tiles.length === 0) return
  await client.query(
    `insert into audit.tiles (level, number, hashes, root)
     select * from unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])`,
    [
      tiles.map(({ level }) => level),
      tiles.map(({ number }) => number),
      tiles.map(({ hashes }) => hashes),
      tiles.map(({ root }) => root),
    ],
  )
}

/** Entries that one transaction seals: a few hundred tiles' worth of work is lost at most when it fails. */
export const sealedAtOnceMax = 10_000
