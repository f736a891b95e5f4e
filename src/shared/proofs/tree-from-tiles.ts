import { emptyRoot, nodeHash } from '../proofs.ts'
import { hashAt, peaksOf } from './tile-hashes.ts'
import { hashBytes, hashCount, levelCount, tilePath, tileWidth, widthOf } from './tile-paths.ts'

/** Reads a file of an export; null where there is none. At once or later, as the reader likes. */
export type ReadFile = (path: string) => Buffer | null | Promise<Buffer | null>

/** A tile that is missing, or does not have the length that a tree of this size gives it. */
export interface BadTile {
  path: string
  bytesFound: number | null
  bytesExpected: number
}

/** The tiles of a tree of `size`, as an export has them. */
export interface Tiles {
  size: number
  path(level: number, number: number): string
  read(level: number, number: number): Promise<Buffer | BadTile>
  /** The root at this size or an earlier one, from the right edge of each level; what is missing otherwise. */
  rootAt(size: number): Promise<Buffer | BadTile>
}

export const isBad = (tile: Buffer | BadTile): tile is BadTile => !Buffer.isBuffer(tile)

export function openTiles(readFile: ReadFile, size: number): Tiles {
  const path = (level: number, number: number): string =>
    tilePath({ level, number, width: widthOf(level, number, size) })
  // The tile over 256 others is asked for with each of them: the last one of every level is kept.
  const kept: { number: number; tile: Buffer | BadTile }[] = []
  const read = async (level: number, number: number): Promise<Buffer | BadTile> => {
    const last = kept[level]
    if (last?.number === number) return last.tile
    const found = await readFile(path(level, number))
    const bytesExpected = widthOf(level, number, size) * hashBytes
    const tile =
      found?.length === bytesExpected
        ? found
        : { path: path(level, number), bytesFound: found?.length ?? null, bytesExpected }
    kept[level] = { number, tile }
    return tile
  }
  return { size, path, read, rootAt: (older) => rootOf(older, read) }
}

/**
 * What a level's last full tile does not hold are the leftmost hashes of the tile behind it: their whole
 * subtrees, from the highest level down, are the tree from left to right.
 */
async function rootOf(size: number, read: Tiles['read']): Promise<Buffer | BadTile> {
  const peaks: Buffer[] = []
  for (let level = levelCount(size) - 1; level >= 0; level -= 1) {
    const count = hashCount(level, size)
    const width = count % tileWidth
    if (width === 0) continue
    const tile = await read(level, Math.floor(count / tileWidth))
    if (isBad(tile)) return tile
    peaks.push(...peaksOf(tile.subarray(0, width * hashBytes)))
  }
  const last = peaks.pop()
  if (last === undefined) return emptyRoot
  return peaks.reduceRight((right, left) => nodeHash(left, right), last)
}

/** The hash that the level above holds for a full tile. */
export async function parentHash(
  tiles: Tiles,
  level: number,
  number: number,
): Promise<Buffer | BadTile> {
  const parent = await tiles.read(level + 1, Math.floor(number / tileWidth))
  return isBad(parent) ? parent : hashAt(parent, number % tileWidth)
}
