import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leafHash, nodeHash, TreeRoot } from '../../../src/shared/proofs.ts'
import { fullTileRoot, hashAt, peaksOf } from '../../../src/shared/proofs/tile-hashes.ts'
import {
  levelCount,
  mergeRanges,
  numbersOf,
  positionsIn,
  type Range,
  tilePath,
  tilesNeeded,
  tileWidth,
  widthOf,
} from '../../../src/shared/proofs/tile-paths.ts'
import { isBad, openTiles } from '../../../src/shared/proofs/tree-from-tiles.ts'

const leaves = Array.from({ length: 66_000 }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)))

/** Every tile of a tree, by its path. */
function tilesOf(size: number): Map<string, Buffer> {
  const tiles = new Map<string, Buffer>()
  let hashes = leaves.slice(0, size)
  for (let level = 0; hashes.length > 0; level += 1) {
    const above: Buffer[] = []
    for (let number = 0; number * tileWidth < hashes.length; number += 1) {
      const tile = Buffer.concat(hashes.slice(number * tileWidth, (number + 1) * tileWidth))
      tiles.set(tilePath({ level, number, width: tile.length / 32 }), tile)
      if (tile.length === 8192) above.push(fullTileRoot(tile))
    }
    hashes = above
  }
  return tiles
}

const rootOf = (size: number): Buffer => {
  const tree = new TreeRoot()
  for (const leaf of leaves.slice(0, size)) tree.add(leaf)
  return Buffer.from(tree.root())
}

describe('paths of tiles (C2SP tlog-tiles)', () => {
  test('are written in groups of three digits, partial ones with their width', () => {
    expect(tilePath({ level: 0, number: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067')
    expect(tilePath({ level: 2, number: 0, width: 7 })).toBe('tile/2/000.p/7')
    expect(tilePath({ level: 'entries', number: 1000, width: 1 })).toBe('tile/entries/x001/000.p/1')
  })

  test('a tree has the levels and the widths that its size gives it', () => {
    expect([0, 1, 255, 256, 65_535, 65_536].map(levelCount)).toEqual([0, 1, 1, 2, 2, 3])
    expect([widthOf(0, 3, 1000), widthOf(1, 0, 1000), widthOf(2, 0, 1000)]).toEqual([232, 3, 0])
  })
})

describe('ranges', () => {
  test('merged, they hold exactly the numbers that they held before', () => {
    const range = fc.tuple(fc.nat(60), fc.nat(9)).map(([from, more]): Range => [from, from + more])
    fc.assert(
      fc.property(fc.array(range), (ranges) => {
        const wanted = new Set(ranges.flatMap((one) => [...numbersOf([one])]))
        const merged = mergeRanges(ranges)
        expect([...numbersOf(merged)]).toEqual([...wanted].toSorted((a, b) => a - b))
        const isIn = positionsIn(merged)
        for (let number = 0; number < 75; number += 1) expect(isIn(number)).toBe(wanted.has(number))
      }),
    )
  })
})

describe('a tree out of its tiles', () => {
  test('the root over a full tile is the root over its leaves', () => {
    const tile = Buffer.concat(leaves.slice(0, 256))
    expect(fullTileRoot(tile)).toEqual(rootOf(256))
    const [left, right] = [hashAt(tile, 0), hashAt(tile, 1)]
    expect(peaksOf(tile.subarray(0, 96))).toEqual([nodeHash(left, right), hashAt(tile, 2)])
  })

  test('the tiles that an export holds give the roots of its sizes, at the edges of every level', async () => {
    const sizes = [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_793, 66_000]
    for (const size of sizes) {
      const tiles = tilesOf(size)
      const older = sizes.filter((one) => one <= size)
      const kept = new Set(
        tilesNeeded([], older, size).flatMap((ranges, level) =>
          [...numbersOf(ranges)].map((number) =>
            tilePath({ level, number, width: widthOf(level, number, size) }),
          ),
        ),
      )
      const opened = openTiles((path) => (kept.has(path) ? (tiles.get(path) ?? null) : null), size)
      for (const one of older) {
        const root = await opened.rootAt(one)
        expect(isBad(root) ? root : root.equals(rootOf(one)), `${one} in ${size}`).toBe(true)
      }
    }
  })
})
