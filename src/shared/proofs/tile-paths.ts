/*
 * Where tiles and entry bundles lie (C2SP tlog-tiles): tile/<L>/<N>[.p/<W>] and tile/entries/<N>[.p/<W>]. N is
 * written in groups of three digits, all but the last one behind an x: 1234067 is x001/x234/067. A partial
 * one says behind .p/ how many hashes or entries it holds.
 */
export const tileWidth = 256
export const hashBytes = 32

/** Levels of a tree as large as a safe integer: 256^7 > 2^53. */
const levelsMax = 7

function numberPath(number: number): string {
  const groups: string[] = []
  let rest = number
  do {
    groups.unshift(String(rest % 1000).padStart(3, '0'))
    rest = Math.floor(rest / 1000)
  } while (rest > 0)
  return groups.map((group, index) => (index < groups.length - 1 ? `x${group}` : group)).join('/')
}

export interface TileName {
  /** `entries` is the bundle of the entries under a tile of level 0. */
  level: number | 'entries'
  number: number
  width: number
}

export const tilePath = ({ level, number, width }: TileName): string =>
  `tile/${level}/${numberPath(number)}${width < tileWidth ? `.p/${width}` : ''}`

/** How many hashes a level has in a tree of so many entries, those without a whole subtree left out. */
export const hashCount = (level: number, size: number): number =>
  Math.floor(size / tileWidth ** level)

/** A tile as a tree of so many entries has it; 0 hashes where the tree does not reach so far. */
export const widthOf = (level: number, number: number, size: number): number =>
  Math.max(0, Math.min(tileWidth, hashCount(level, size) - number * tileWidth))

/** How many levels of tiles a tree has. */
export function levelCount(size: number): number {
  let count = 0
  while (count < levelsMax && hashCount(count, size) > 0) count += 1
  return count
}

/** From (included) to (excluded). */
export type Range = readonly [from: number, to: number]

/** The same as few ranges as may be, in order. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: [number, number][] = []
  for (const [from, to] of ranges.toSorted((one, other) => one[0] - other[0])) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else if (to > from) merged.push([from, to])
  }
  return merged
}

/** The tiles over positions: of entries at level 0, of tiles of the level below at any other. */
export const tilesOver = (ranges: readonly Range[]): Range[] =>
  mergeRanges(ranges.map(([from, to]) => [Math.floor(from / tileWidth), Math.ceil(to / tileWidth)]))

/** Every number of some ranges, in order. */
export function* numbersOf(ranges: readonly Range[]): Generator<number> {
  for (const [from, to] of ranges) for (let number = from; number < to; number += 1) yield number
}

/**
 * The tiles that lead from entries, and from the right edges of earlier trees of these sizes, to the root of
 * a tree of `size`: by level, ranges of tile numbers.
 */
export function tilesNeeded(
  entries: readonly Range[],
  sizes: readonly number[],
  size: number,
): Range[][] {
  const edges = [...sizes, size].filter((one) => one > 0 && one <= size)
  const levels: Range[][] = []
  let below = mergeRanges([...entries, ...edges.map((one): Range => [one - 1, one])])
  while (levels.length < levelCount(size)) {
    below = tilesOver(below)
    const level = levels.length
    levels.push(below.flatMap(([from, to]) => keepExisting(level, [from, to], size)))
  }
  return levels
}

/** At the right edge a level may end before the one below it does. */
function keepExisting(level: number, [from, to]: Range, size: number): Range[] {
  const end = Math.min(to, Math.ceil(hashCount(level, size) / tileWidth))
  return end > from ? [[from, end]] : []
}

/** Whether a number lies in the ranges; numbers are asked for in order. */
export function positionsIn(ranges: readonly Range[]): (position: number) => boolean {
  let at = 0
  return (position) => {
    while ((ranges[at]?.[1] ?? Infinity) <= position) at += 1
    return position >= (ranges[at]?.[0] ?? Infinity)
  }
}
