import { expect, test } from 'vitest'
import {
  type ConsistencyProof,
  emptyRoot,
  type InclusionProof,
  leafHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/shared/proofs.ts'

/*
 * Every proof there is of every tree up to 300 leaves, made by RFC 6962's own recursion (sections 2.1.1 and
 * 2.1.2), each accepted as it stands and refused with each kind of fault that public test vectors of
 * transparency logs know: wrong index, wrong size, wrong hash, swapped hashes, cut off, padded.
 */
const treeSizeMax = 300
const leaves = Array.from({ length: treeSizeMax }, (_, index) => leafHash(Buffer.from(`${index}`)))

function split(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

const roots = new Map<number, Uint8Array>()
function rootOf(from: number, to: number): Uint8Array {
  const name = from * 1000 + to
  const known = roots.get(name)
  if (known) return known
  const at = from + split(to - from)
  const only = to - from === 1 ? leaves[from] : undefined
  const made = only ?? nodeHash(rootOf(from, at), rootOf(at, to))
  roots.set(name, made)
  return made
}

function inclusionPath(index: number, from: number, to: number): Uint8Array[] {
  if (to - from === 1) return []
  const at = from + split(to - from)
  return index < at
    ? [...inclusionPath(index, from, at), rootOf(at, to)]
    : [...inclusionPath(index, at, to), rootOf(from, at)]
}

interface Part {
  from: number
  to: number
  isWhole: boolean
}
function consistencyPath(old: number, { from, to, isWhole }: Part): Uint8Array[] {
  const count = to - from
  if (old === count) return isWhole ? [] : [rootOf(from, to)]
  const at = split(count)
  return old <= at
    ? [...consistencyPath(old, { from, to: from + at, isWhole }), rootOf(from + at, to)]
    : [
        ...consistencyPath(old - at, { from: from + at, to, isWhole: false }),
        rootOf(from, from + at),
      ]
}

const flipped = (hash: Uint8Array, bit: number): Uint8Array =>
  hash.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

/** The faults that any list of hashes can have; `turn` says which of its hashes and bits are struck. */
function wrongHashes(hashes: readonly Uint8Array[], turn: number): [string, Uint8Array[]][] {
  const padding: [string, Uint8Array[]][] = [
    ['padded with nothing', [...hashes, Buffer.alloc(0)]],
    ['padded behind', [...hashes, emptyRoot]],
    ['padded before', [emptyRoot, ...hashes]],
    ['twice', [...hashes, ...hashes, ...(hashes.length === 0 ? [emptyRoot] : [])]],
  ]
  const at = turn % Math.max(hashes.length, 1)
  const [struck, next] = [hashes[at], hashes[at + 1]]
  if (struck === undefined) return padding
  const cut: [string, Uint8Array[]][] = [
    ['cut off behind', hashes.slice(0, -1)],
    ['cut off before', hashes.slice(1)],
    ['all gone', []],
    ['one bit changed', hashes.with(at, flipped(struck, turn % 256))],
    ['a hash cut short', hashes.with(at, struck.subarray(0, 31))],
  ]
  const swapped = next === undefined ? [] : hashes.with(at, next).with(at + 1, struck)
  return [...padding, ...cut, ...(next === undefined ? [] : [['swapped', swapped] as const])].map(
    ([name, given]) => [name, [...given]],
  )
}

const refusedAs = <Proof>(right: Proof, more: Partial<Proof>): Proof => ({ ...right, ...more })

function wrongInclusions(right: InclusionProof): [string, InclusionProof][] {
  const { index, size, leaf, root, hashes } = right
  return [
    ['the index before', refusedAs(right, { index: index - 1 })],
    ['the index behind', refusedAs(right, { index: index + 1 })],
    ['an index of another subtree', refusedAs(right, { index: index ^ 2 })],
    ['an index beyond the tree', refusedAs(right, { index: index + size })],
    ['a tree twice as large', refusedAs(right, { size: size * 2 })],
    ['a tree that ends before the leaf', refusedAs(right, { size: index })],
    ['another leaf', refusedAs(right, { leaf: flipped(leaf, index % 256) })],
    ['another root', refusedAs(right, { root: flipped(root, index % 256) })],
    [
      'leaf and root exchanged',
      refusedAs(right, { leaf: root, root: size === 1 ? emptyRoot : leaf }),
    ],
    ...wrongHashes(hashes, index + size).map(([name, wrong]): [string, InclusionProof] => [
      name,
      refusedAs(right, { hashes: wrong }),
    ]),
  ]
}

function wrongConsistencies(right: ConsistencyProof): [string, ConsistencyProof][] {
  const { from, to, fromRoot, toRoot, hashes } = right
  return [
    ['the size before', refusedAs(right, { from: from - 1 })],
    ['the size behind', refusedAs(right, { from: from + 1 })],
    ['a new tree twice as large', refusedAs(right, { to: to * 2 })],
    ['a new tree no larger than the old', refusedAs(right, { to: from })],
    ['sizes exchanged', refusedAs(right, { from: to, to: from })],
    ['roots exchanged', refusedAs(right, { fromRoot: toRoot, toRoot: fromRoot })],
    ['another old root', refusedAs(right, { fromRoot: flipped(fromRoot, from % 256) })],
    ['another new root', refusedAs(right, { toRoot: flipped(toRoot, to % 256) })],
    ...wrongHashes(hashes, from + to).map(([name, wrong]): [string, ConsistencyProof] => [
      name,
      refusedAs(right, { hashes: wrong }),
    ]),
  ]
}

test('each of the 45,150 inclusion proofs is accepted, and with any fault refused', () => {
  const accepted: string[] = []
  let rightCount = 0
  for (let size = 1; size <= treeSizeMax; size += 1) {
    for (let index = 0; index < size; index += 1) {
      const hashes = inclusionPath(index, 0, size)
      const right = { index, size, leaf: rootOf(index, index + 1), hashes, root: rootOf(0, size) }
      if (verifyInclusion(right)) rightCount += 1
      for (const [name, wrong] of wrongInclusions(right)) {
        if (verifyInclusion(wrong)) accepted.push(`${index} in ${size}: ${name}`)
      }
    }
  }
  expect(accepted).toEqual([])
  expect(rightCount).toBe((treeSizeMax * (treeSizeMax + 1)) / 2)
})

test('each of the 44,850 consistency proofs is accepted, and with any fault refused', () => {
  const accepted: string[] = []
  let rightCount = 0
  for (let to = 2; to <= treeSizeMax; to += 1) {
    for (let from = 1; from < to; from += 1) {
      const hashes = consistencyPath(from, { from: 0, to, isWhole: true })
      const right = { from, to, fromRoot: rootOf(0, from), toRoot: rootOf(0, to), hashes }
      if (verifyConsistency(right)) rightCount += 1
      for (const [name, wrong] of wrongConsistencies(right)) {
        if (verifyConsistency(wrong)) accepted.push(`${from} to ${to}: ${name}`)
      }
    }
  }
  expect(accepted).toEqual([])
  expect(rightCount).toBe((treeSizeMax * (treeSizeMax - 1)) / 2)
})
