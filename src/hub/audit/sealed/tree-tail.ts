import { hash } from 'node:crypto'

/*
 * The tree is kept in tiles of 256 hashes (C2SP tlog-tiles): a hash of level L covers 256^L leaves. Its tail is
 * what no full tile holds yet: at most 255 hashes a level. From the tail alone the tree can grow and its root
 * be told, so that a log of any length costs the sealer some kilobytes.
 *
 *   level 1   [ tile 0 ][ tile 1 ] t t t            ◀ roots of full level-0 tiles
 *   level 0   [ tile 0 ] … [ tile 514 ] h h h h h   ◀ leaf hashes
 */
export const tileWidth = 256
export const hashBytes = 32

/** Always written over before it is read: a buffer of its own for each node costs more than its hash. */
const node = Buffer.alloc(1 + 2 * hashBytes, 1)

/** SHA-256(0x01 ‖ left ‖ right): RFC 6962, section 2.1. */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1)
  node.set(right, 1 + hashBytes)
  return Buffer.from(hash('sha256', node, 'hex'), 'hex')
}

export const emptyTreeRoot: Buffer = hash('sha256', '', 'buffer')

export interface FullTile {
  level: number
  number: number
  hashes: Buffer
  root: Buffer
}

export interface TreeTail {
  readonly size: number
  /** Adds leaf hashes; answers the tiles that became full. */
  append(leaves: readonly Uint8Array[]): FullTile[]
  root(): Buffer
}

/** A tail that begins with what has been kept: by level, the hashes behind the last full tile. */
export function treeTail(initialSize: number, kept: readonly (readonly Uint8Array[])[]): TreeTail {
  const levels = kept.map((hashes) => [...hashes])
  let size = initialSize
  const add = (level: number, node: Uint8Array, full: FullTile[]): void => {
    const hashes = (levels[level] ??= [])
    hashes.push(node)
    if (hashes.length < tileWidth) return
    const number = Math.floor((size - 1) / tileWidth ** (level + 1))
    const root = rootOfMany(hashes)
    full.push({ level, number, hashes: Buffer.concat(hashes), root })
    levels[level] = []
    add(level + 1, root, full)
  }
  return {
    get size() {
      return size
    },
    append: (leaves) => {
      const full: FullTile[] = []
      for (const leaf of leaves) {
        size += 1
        add(0, leaf, full)
      }
      return full
    },
    root: () => rootOfLevels(levels),
  }
}

/** Roots of the largest whole subtrees, from the left: the binary digits of their number. */
export function peaksOf(nodes: readonly Uint8Array[]): Uint8Array[] {
  const peaks: { node: Uint8Array; size: number }[] = []
  for (const node of nodes) {
    let peak = { node, size: 1 }
    for (let left = peaks.at(-1); left?.size === peak.size; left = peaks.at(-1)) {
      peaks.pop()
      peak = { node: hashNode(left.node, peak.node), size: peak.size * 2 }
    }
    peaks.push(peak)
  }
  return peaks.map(({ node }) => node)
}

/** The root over hashes of one height; of none, the empty tree's. */
export const rootOfMany = (nodes: readonly Uint8Array[]): Buffer =>
  foldPeaks(peaksOf(nodes), null) ?? emptyTreeRoot

const rootOfLevels = (levels: readonly (readonly Uint8Array[])[]): Buffer =>
  levels.reduce<Buffer | null>((right, nodes) => foldPeaks(peaksOf(nodes), right), null) ??
  emptyTreeRoot

/** What lies to the right is always smaller than its left neighbour: it is taken in from there. */
const foldPeaks = (peaks: readonly Uint8Array[], right: Buffer | null): Buffer | null =>
  peaks.reduceRight<Buffer | null>(
    (rest, peak) => (rest === null ? Buffer.from(peak) : hashNode(peak, rest)),
    right,
  )
