import type { Pool } from 'pg'
import { hashBytes, tileWidth } from './tree-tail.ts'

export interface SignedCheckpoint {
  size: number
  note: string
  /** The hub's key that signed it. */
  verifierKey: string
}

/** The tree as anyone may read it: hashes by tile, up to a size that has been signed. */
export interface TileStore {
  /** The last checkpoint; null before the first. */
  checkpoint(): Promise<SignedCheckpoint | null>
  /** So many hashes from a tile's left edge, 32 bytes each; null where the tree does not reach so far. */
  tile(level: number, number: number, width: number): Promise<Buffer | null>
  /** So many leaves' bytes from a bundle's left edge, in order. */
  bundle(number: number, width: number): Promise<Buffer[] | null>
  /** The position of an entry and its hash there; null while it has none. */
  leafOf(entryId: string): Promise<{ position: number; hash: Buffer } | null>
}

export const tileStore = (pool: Pick<Pool, 'query'>): TileStore => ({
  checkpoint: async () => {
    // The last key signs the last checkpoint: both are read as of one instant.
    const { rows } = await pool.query<SignedCheckpoint>({
      name: 'last-checkpoint',
      text: `select size, note,
          (select verifier_key from audit.verifier_keys order by number desc limit 1) as "verifierKey"
        from audit.checkpoints order by size desc limit 1`,
    })
    return rows[0] ?? null
  },
  tile: async (level, number, width) =>
    (await fullTile(pool, { level, number, width })) ??
    (await partialTile(pool, { level, number, width })),
  bundle: async (number, width) => {
    const { rows } = await pool.query<{ leaf_bytes: Buffer }>({
      name: 'read-bundle',
      text: `select entries.leaf_bytes from audit.leaves join audit.entries on entries.id = leaves.entry
        where position >= $1 and position < $2 order by position`,
      values: [number * tileWidth, number * tileWidth + width],
    })
    return rows.length === width ? rows.map(({ leaf_bytes: bytes }) => bytes) : null
  },
  leafOf: async (entryId) => {
    const { rows } = await pool.query<{ position: number; hash: Buffer }>({
      name: 'leaf-of-entry',
      text: 'select position, hash from audit.leaves where entry = $1',
      values: [entryId],
    })
    return rows[0] ?? null
  },
})

interface TileAsked {
  level: number
  number: number
  width: number
}

async function fullTile(
  pool: Pick<Pool, 'query'>,
  { level, number, width }: TileAsked,
): Promise<Buffer | null> {
  const { rows } = await pool.query<{ hashes: Buffer }>({
    name: 'read-tile',
    text: 'select hashes from audit.tiles where level = $1 and number = $2',
    values: [level, number],
  })
  return rows[0]?.hashes.subarray(0, width * hashBytes) ?? null
}

/** What no full tile holds yet: leaves, or the roots of the full tiles one level below. */
async function partialTile(
  pool: Pick<Pool, 'query'>,
  { level, number, width }: TileAsked,
): Promise<Buffer | null> {
  const [from, to] = [number * tileWidth, number * tileWidth + width]
  const { rows } =
    level === 0
      ? await pool.query<{ hash: Buffer }>({
          name: 'read-leaves',
          text: 'select hash from audit.leaves where position >= $1 and position < $2 order by position',
          values: [from, to],
        })
      : await pool.query<{ hash: Buffer }>({
          name: 'read-tile-roots',
          text: 'select root as hash from audit.tiles where level = $3 and number >= $1 and number < $2 order by number',
          values: [from, to, level - 1],
        })
  return rows.length === width ? Buffer.concat(rows.map(({ hash }) => hash)) : null
}
