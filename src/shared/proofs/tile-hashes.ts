import { hash } from 'node:crypto'
import { nodeHash } from '../proofs.ts'
import { hashBytes, tileWidth } from './tile-paths.ts'

/*
 * A node is hashed from 65 bytes: its mark and two hashes. The hashes of a tile are therefore kept two by
 * two with room for the mark before them, and each round writes its results where the next one reads them. A
 * digest goes in as a text of one character a byte: a buffer of its own for each would cost three times what
 * it computes.
 */
const pairBytes = 1 + 2 * hashBytes
const pairsMax = tileWidth / 2
const room = Buffer.alloc(pairsMax * pairBytes)
const pairs = Array.from({ length: pairsMax }, (_, index) => {
  const pair = room.subarray(index * pairBytes, (index + 1) * pairBytes)
  pair[0] = 1
  return pair
})
const noPair = Buffer.alloc(0)

/** The root over the 256 hashes of a full tile (RFC 6962, section 2.1): one hash of the level above. */
export function fullTileRoot(hashes: Buffer): Buffer {
  for (let index = 0; index < pairsMax; index += 1) {
    const from = index * 2 * hashBytes
    hashes.copy(room, index * pairBytes + 1, from, from + 2 * hashBytes)
  }
  let digest = ''
  for (let count = pairsMax; count >= 1; count /= 2) {
    for (let index = 0; index < count; index += 1) {
      digest = hash('sha256', pairs[index] ?? noPair, 'binary')
      const half = index % 2 === 0 ? 1 : 1 + hashBytes
      room.write(digest, Math.floor(index / 2) * pairBytes + half, hashBytes, 'latin1')
    }
  }
  return Buffer.from(digest, 'latin1')
}

/** Hash of one entry of a bundle, as 32 characters of one byte each; `bytes` has room for the mark before it. */
export function entryHash(bytes: Buffer, from: number, to: number): string {
  // The mark of a leaf stands for a moment where the entry's length ends.
  const before = bytes[from - 1] ?? 0
  bytes[from - 1] = 0
  const digest = hash('sha256', bytes.subarray(from - 1, to), 'binary')
  bytes[from - 1] = before
  return digest
}

/** One hash of a tile. */
export const hashAt = (hashes: Buffer, index: number): Buffer =>
  hashes.subarray(index * hashBytes, (index + 1) * hashBytes)

/** Roots of the largest whole subtrees over so many hashes from the left: one for each binary digit of their count. */
export function peaksOf(hashes: Buffer): Buffer[] {
  const peaks: { node: Buffer; size: number }[] = []
  for (let index = 0; index < hashes.length / hashBytes; index += 1) {
    let peak = { node: hashAt(hashes, index), size: 1 }
    for (let left = peaks.at(-1); left?.size === peak.size; left = peaks.at(-1)) {
      peaks.pop()
      peak = { node: nodeHash(left.node, peak.node), size: peak.size * 2 }
    }
    peaks.push(peak)
  }
  return peaks.map(({ node }) => node)
}
