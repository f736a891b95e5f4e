import { describe, expect, test } from 'vitest'
import { consistencyPath, inclusionPath } from '../../../../src/hub/audit/sealed/build-proofs.ts'
import type { TileStore } from '../../../../src/hub/audit/sealed/tile-store.ts'
import {
  type FullTile,
  hashBytes,
  tileWidth,
  treeTail,
} from '../../../../src/hub/audit/sealed/tree-tail.ts'
import {
  emptyRoot,
  leafHash,
  TreeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../../../src/shared/proofs.ts'

const leafAt = (index: number): Buffer => leafHash(Buffer.from(`entry ${index}`))

/** A tree of so many leaves, appended in pieces, with all its tiles; roots of all its beginnings by the verifier. */
function grow(size: number, piece: number) {
  const tail = treeTail(0, [])
  const verifier = new TreeRoot()
  const roots: Uint8Array[] = [emptyRoot]
  const tiles: FullTile[] = []
  const leaves = Array.from({ length: size }, (_, index) => leafAt(index))
  for (const leaf of leaves) {
    verifier.add(leaf)
    roots.push(verifier.root())
  }
  for (let from = 0; from < size; from += piece) {
    tiles.push(...tail.append(leaves.slice(from, from + piece)))
  }
  return { tail, tiles, roots, leaves, store: storeOf(tiles, leaves) }
}

/** As the database keeps them: full tiles, leaves, and nothing else. */
function storeOf(tiles: readonly FullTile[], leaves: readonly Buffer[]): TileStore {
  const byName = new Map(tiles.map((tile) => [`${tile.level}/${tile.number}`, tile]))
  const partial = (level: number, number: number, width: number): Buffer[] =>
    Array.from({ length: width }, (_, place) => number * tileWidth + place).map((at) => {
      const node = level === 0 ? leaves[at] : byName.get(`${level - 1}/${at}`)?.root
      if (node === undefined) throw new Error(`no hash ${at} of level ${level}`)
      return node
    })
  return {
    checkpoint: () => Promise.resolve(null),
    bundle: () => Promise.resolve(null),
    leafOf: () => Promise.resolve(null),
    tile: (level, number, width) =>
      Promise.resolve(
        byName.get(`${level}/${number}`)?.hashes.subarray(0, width * hashBytes) ??
          Buffer.concat(partial(level, number, width)),
      ),
  }
}

describe('the tail of the tree', () => {
  test('has the root that anyone computes, at every size and however it was appended', () => {
    for (const piece of [1, 7, 256, 1000]) {
      const tail = treeTail(0, [])
      const verifier = new TreeRoot()
      expect(tail.root()).toEqual(emptyRoot)
      for (let from = 0; from < 1500; from += piece) {
        const leaves = Array.from({ length: Math.min(piece, 1500 - from) }, (_, place) =>
          leafAt(from + place),
        )
        tail.append(leaves)
        for (const leaf of leaves) verifier.add(leaf)
        expect(tail.size).toBe(verifier.size)
        expect(tail.root().equals(verifier.root())).toBe(true)
      }
    }
  })

  test('begins again from what was kept, in the middle of tiles of every level', () => {
    const { tail, tiles, leaves } = grow(66_000, 5000)
    const kept = [
      leaves.slice(Math.floor(66_000 / 256) * 256),
      tiles.filter(({ level, number }) => level === 0 && number >= 256).map(({ root }) => root),
      tiles.filter(({ level }) => level === 1).map(({ root }) => root),
    ]
    expect(treeTail(66_000, kept).root()).toEqual(tail.root())
  })

  test('numbers its tiles from the left of each level', () => {
    const { tiles } = grow(66_000, 10_000)
    const numbers = tiles.filter(({ level }) => level === 0).map(({ number }) => number)
    expect(numbers).toEqual(Array.from({ length: 257 }, (_, index) => index))
    expect(tiles.filter(({ level }) => level === 1).map(({ number }) => number)).toEqual([0])
  })
})

describe('proofs out of tiles', () => {
  const tree = grow(66_000, 10_000)
  const sizes = [1, 2, 3, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 66_000]

  test('of inclusion convince a verifier that shares no code with them', async () => {
    for (const size of sizes) {
      for (const index of new Set([0, 1, 255, 256, 65_535, size - 2, size - 1])) {
        if (index < 0 || index >= size) continue
        const hashes = await inclusionPath(tree.store, index, size)
        const [leaf, root] = [tree.leaves[index], tree.roots[size]]
        if (leaf === undefined || root === undefined) throw new Error('no such leaf')
        expect(verifyInclusion({ index, size, leaf, hashes, root }), `${index} in ${size}`).toBe(
          true,
        )
      }
    }
  })

  test('of consistency convince it too, between any two sizes', async () => {
    for (const to of sizes) {
      for (const from of sizes.filter((size) => size <= to)) {
        const hashes = await consistencyPath(tree.store, from, to)
        const [fromRoot, toRoot] = [tree.roots[from], tree.roots[to]]
        if (fromRoot === undefined || toRoot === undefined) throw new Error('no such root')
        expect(verifyConsistency({ from, to, fromRoot, toRoot, hashes }), `${from} to ${to}`).toBe(
          true,
        )
      }
    }
  })
})
