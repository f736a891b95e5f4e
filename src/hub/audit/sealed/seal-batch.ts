import type { ClientBase } from 'pg'
import { type FullTile, hashBytes, type TreeTail, treeTail } from './tree-tail.ts'
import { tileWidth } from './tree-tail.ts'

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

interface PendingRow {
  id: string
  leaf_hash: Buffer | null
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
    const pending = await takePending(client, entriesMax)
    if (pending.length > 0) await append(client, tail, pending)
    await client.query('commit')
    return pending.length
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

async function takePending(
  client: ClientBase,
  entriesMax: number,
): Promise<{ id: string; hash: Buffer }[]> {
  const { rows } = await client.query<PendingRow>({
    name: 'take-pending',
    text: `with taken as (
        delete from audit.pending where ctid = any (array(select ctid from audit.pending limit $1)) returning id)
      select taken.id, entries.leaf_hash from taken left join audit.entries using (id) order by taken.id`,
    values: [entriesMax],
  })
  return rows.map(({ id, leaf_hash: hash }) => {
    if (hash === null) throw new Error(`the pending entry ${id} is not in the log`)
    return { id, hash }
  })
}

async function append(
  client: ClientBase,
  tail: TreeTail,
  pending: readonly { id: string; hash: Buffer }[],
): Promise<void> {
  const before = tail.size
  const full = tail.append(pending.map(({ hash }) => hash))
  await client.query({
    name: 'insert-leaves',
    text: `insert into audit.leaves (position, entry, hash)
      select $1::bigint + place - 1, entry, hash
      from unnest($2::uuid[], $3::bytea[]) with ordinality as given (entry, hash, place)`,
    values: [before, pending.map(({ id }) => id), pending.map(({ hash }) => hash)],
  })
  await insertTiles(client, full)
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

export const leafBytes = hashBytes
