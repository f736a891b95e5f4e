import type { OpenBundle } from './bundles.ts'
import type { Fault } from './findings.ts'
import { hashAt } from './tile-hashes.ts'
import { hashBytes } from './tile-paths.ts'

/** A bundle that is not what the tree was made from. */
export interface WrongBundle {
  path: string
  bundle: OpenBundle
  /** Of its first entry. */
  position: number
  /** The hashes of the tree. */
  tile: Buffer
}

/** Says for each position what became of the entry that the tree has there. */
export function bundleFaults({ path, bundle, position, tile }: WrongBundle): Fault[] {
  const keys = (hashes: Buffer): string[] =>
    Array.from({ length: hashes.length / hashBytes }, (_, index) =>
      hashAt(hashes, index).toString('latin1'),
    )
  const [found, wanted] = [keys(bundle.hashes), keys(tile)]
  const places = new Map(found.map((hash, index) => [hash, index]))
  const known = new Set(wanted)
  const isWhole = found.length === wanted.length
  const idAt = (index: number): { entryId?: string } => {
    // What was changed may be no entry any more: its id is worth telling all the same.
    const [, entryId] = /"id":"([0-9a-f-]{36})"/.exec(bundle.bytes(index).toString('latin1')) ?? []
    return entryId === undefined ? {} : { entryId }
  }
  return wanted.flatMap((hash, index): Fault[] => {
    if (found[index] === hash) return []
    const at = { path, position: position + index }
    const place = places.get(hash)
    if (place !== undefined) {
      // Behind a missing entry all others stand one place further left: that is told once, where it is.
      return isWhole ? [{ ...at, ...idAt(index), ...movedTo(position + place) }] : []
    }
    const stranger = found[index]
    if (stranger === undefined || known.has(stranger)) return [{ ...at, ...missing }]
    return [{ ...at, ...idAt(index), ...changed }]
  })
}

const changed = {
  zh: '条目被改动:内容的散列与树中的不符',
  en: 'the entry was changed: its hash is not the one in the tree',
}
const missing = { zh: '条目缺失', en: 'the entry is missing' }
const movedTo = (position: number): Pick<Fault, 'zh' | 'en'> => ({
  zh: `条目被换位:此处应有的条目在位置 ${position}`,
  en: `entries were swapped: the one that belongs here stands at position ${position}`,
})
