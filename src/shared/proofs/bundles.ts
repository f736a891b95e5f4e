import { type EntryHead, readHead, viewBundle } from './entries.ts'
import { entryHash } from './tile-hashes.ts'
import { hashBytes, tileWidth } from './tile-paths.ts'

/*
 * An entry bundle (C2SP tlog-tiles): for each entry two bytes of length (big-endian) and its bytes. One bundle
 * is open at a time, in memory that is used again for the next.
 */
export interface OpenBundle {
  /** Whole entries that it holds. */
  count: number
  /** What is left over: bytes behind the last entry that was asked for, or of an entry that is cut off. */
  rest: 'none' | 'cut-off' | 'too-long'
  /** The entries' leaf hashes, one behind the other. */
  hashes: Buffer
  head(index: number): EntryHead | null
  bytes(index: number): Buffer
}

const starts = new Uint32Array(tileWidth)
const ends = new Uint32Array(tileWidth)
const hashes = Buffer.alloc(tileWidth * hashBytes)

/** Opens a bundle that should hold `width` entries; valid until the next one is opened. */
export function openBundle(bytes: Buffer, width: number): OpenBundle {
  let [at, count] = [0, 0]
  while (count < width && at + 2 <= bytes.length) {
    const from = at + 2
    const to = from + bytes.readUInt16BE(at)
    if (to > bytes.length) break
    starts[count] = from
    ends[count] = to
    hashes.write(entryHash(bytes, from, to), count * hashBytes, hashBytes, 'latin1')
    count += 1
    at = to
  }
  const bundle = viewBundle(bytes)
  const whole = count === width ? 'too-long' : 'cut-off'
  return {
    count,
    rest: at === bytes.length ? 'none' : whole,
    hashes: hashes.subarray(0, count * hashBytes),
    head: (index) => readHead(bundle, starts[index] ?? 0, ends[index] ?? 0),
    bytes: (index) => bytes.subarray(starts[index], ends[index]),
  }
}

/** The ids of a bundle's entries, nothing hashed; ends early where the bundle does. */
export function idsOfBundle(bytes: Buffer): string[] {
  const ids: string[] = []
  const bundle = viewBundle(bytes)
  for (let at = 0; at + 2 <= bytes.length;) {
    const from = at + 2
    const to = from + bytes.readUInt16BE(at)
    if (to > bytes.length) break
    ids.push(readHead(bundle, from, to)?.id ?? '')
    at = to
  }
  return ids
}

/** A bundle of entries as C2SP writes it. */
export function writeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(entry.length)
    return [length, entry]
  })
  return Buffer.concat(parts)
}
