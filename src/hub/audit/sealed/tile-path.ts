import { tileWidth } from './tree-tail.ts'

/** A tile, or a bundle of entries, as its address names it (C2SP tlog-tiles, "Merkle Tree"). */
export interface TileAddress {
  kind: 'hashes' | 'entries'
  /** Of a bundle 0: it holds what the tile of leaf hashes at the same number was made from. */
  level: number
  number: number
  /** 256 where the address names a whole one. */
  width: number
}

const levelMax = 63
/** No tree of more leaves can be counted exactly here. */
const numberMax = Math.floor(Number.MAX_SAFE_INTEGER / tileWidth)

const form = /^(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/**
 * Reads `{L}/{N}`, `{L}/{N}.p/{W}`, `entries/{N}` and `entries/{N}.p/{W}`. N comes in groups of three digits,
 * all but the last with an `x`: 1234067 is `x001/x234/067`. Every number has one address only; null for all
 * others.
 */
export function parseTilePath(path: string): TileAddress | null {
  const [, kind, groups, partial] = form.exec(path) ?? []
  if (kind === undefined || groups === undefined) return null
  const digits = groups.replaceAll(/[x/]/g, '')
  const number = Number(digits)
  const width = partial === undefined ? tileWidth : Number(partial)
  const level = kind === 'entries' ? 0 : Number(kind)
  if (digits.length > 3 && digits.startsWith('000')) return null
  if (level > levelMax || number > numberMax || (partial !== undefined && width >= tileWidth)) {
    return null
  }
  return { kind: kind === 'entries' ? 'entries' : 'hashes', level, number, width }
}

/** How many leaves the tree must have for this tile to exist. */
export const leavesUnder = ({ level, number, width }: TileAddress): number =>
  (number * tileWidth + width) * tileWidth ** level
