import type { TileStore } from './tile-store.ts'
import { hashBytes, hashNode, rootOfMany, tileWidth } from './tree-tail.ts'

/** Hashes of whole subtrees, each read from the one tile that holds it. */
type Subtree = { from: number; to: number }

/** The sibling hashes from a leaf up to the root (RFC 6962, section 2.1.1). */
export const inclusionPath = (store: TileStore, index: number, size: number): Promise<Buffer[]> =>
  hashAll(store, size, pathOf(index, { from: 0, to: size }))

/** The hashes that show a tree to begin with an older one (RFC 6962, section 2.1.2). */
export const consistencyPath = (store: TileStore, from: number, to: number): Promise<Buffer[]> =>
  from === 0 || from === to
    ? Promise.resolve([])
    : hashAll(store, to, subproofOf(from, { from: 0, to }, true))

/** The largest power of two below a count: where a tree of so many leaves is split. */
function splitOf(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

function pathOf(index: number, { from, to }: Subtree): Subtree[] {
  if (to - from <= 1) return []
  const middle = from + splitOf(to - from)
  return index < middle
    ? [...pathOf(index, { from, to: middle }), { from: middle, to }]
    : [...pathOf(index, { from: middle, to }), { from, to: middle }]
}

function subproofOf(old: number, { from, to }: Subtree, isWhole: boolean): Subtree[] {
  if (old === to) return isWhole ? [] : [{ from, to }]
  const middle = from + splitOf(to - from)
  return old <= middle
    ? [...subproofOf(old, { from, to: middle }, isWhole), { from: middle, to }]
    : [...subproofOf(old, { from: middle, to }, false), { from, to: middle }]
}

/** Each tile is read once, however many subtrees of a proof lie in it. */
async function hashAll(
  store: TileStore,
  size: number,
  subtrees: readonly Subtree[],
): Promise<Buffer[]> {
  const tiles = new Map<string, Promise<Buffer>>()
  const tile = (level: number, number: number): Promise<Buffer> => {
    const name = `${level}/${number}`
    const made = tiles.get(name) ?? readTile(store, { level, number, size })
    tiles.set(name, made)
    return made
  }
  return Promise.all(subtrees.map((subtree) => hashOf(subtree, tile)))
}

async function readTile(
  store: TileStore,
  { level, number, size }: { level: number; number: number; size: number },
): Promise<Buffer> {
  const count = Math.floor(size / tileWidth ** level)
  const width = Math.min(tileWidth, count - number * tileWidth)
  const hashes = await store.tile(level, number, width)
  if (hashes === null) throw new Error(`the log lacks tile ${level}/${number} of width ${width}`)
  return hashes
}

type ReadTile = (level: number, number: number) => Promise<Buffer>

/**
 * A subtree of a whole power of two lies in one tile; any other (at the right edge) is put together from those
 * that it splits into.
 */
async function hashOf({ from, to }: Subtree, tile: ReadTile): Promise<Buffer> {
  const count = to - from
  if (!isPowerOfTwo(count)) {
    const middle = from + splitOf(count)
    const [left, right] = await Promise.all([
      hashOf({ from, to: middle }, tile),
      hashOf({ from: middle, to }, tile),
    ])
    return hashNode(left, right)
  }
  let level = 0
  let span = 1
  while (span * tileWidth <= count) {
    level += 1
    span *= tileWidth
  }
  const first = from / span
  const hashes = await tile(level, Math.floor(first / tileWidth))
  const offset = (first % tileWidth) * hashBytes
  const nodes = hashes.subarray(offset, offset + (count / span) * hashBytes)
  return rootOfMany(cut(nodes))
}

const cut = (hashes: Buffer): Buffer[] =>
  Array.from({ length: hashes.length / hashBytes }, (_, index) =>
    hashes.subarray(index * hashBytes, (index + 1) * hashBytes),
  )

function isPowerOfTwo(count: number): boolean {
  let rest = count
  while (rest > 1 && rest % 2 === 0) rest /= 2
  return rest === 1
}
