import { copyOf } from './findings.ts'

/*
 * Whether an id stands twice among millions, in memory that does not grow with them. Ids carry their time, so
 * nearly all are greater than every one before them and cannot have been there. The others are late: they
 * are remembered, so many at most, and looked for once more when all have passed. Where there are more, they
 * are looked for in as many rounds as it takes.
 */
const lateMax = 200_000

export interface IdWatch {
  /** Takes the next id, in the order of positions. */
  pass(id: string, position: number): void
  /** The ids to look for; empty where none was late. */
  readonly late: ReadonlyMap<string, number>
  /** Where the next round must begin to remember; null where all late ones are in `late`. */
  readonly resumeAt: number | null
}

/** Remembers late ids from a position on. */
export function watchIds(from: number, max = lateMax): IdWatch {
  let highest = ''
  let resumeAt: number | null = null
  const late = new Map<string, number>()
  return {
    late,
    get resumeAt() {
      return resumeAt
    },
    pass: (id, position) => {
      if (id > highest) highest = id
      else if (position >= from && resumeAt === null) {
        if (late.size < max) late.set(copyOf(id), -1)
        else resumeAt = position
      }
    },
  }
}

export interface Repeated {
  id: string
  first: number
  again: number
}

/** Every id, with its position, in order: gone through as often as need be. */
export type WalkIds = (pass: (id: string, position: number) => void) => Promise<void>

/** Tells of each id that stands at several positions; `watched` has seen all of them once. */
export async function findRepeated(
  watched: IdWatch,
  walk: WalkIds,
  tell: (repeated: Repeated) => void,
  max = lateMax,
): Promise<void> {
  for (let watch: IdWatch | null = watched; watch !== null && watch.late.size > 0;) {
    const found = new Map(watch.late)
    const next: IdWatch | null = watch.resumeAt === null ? null : watchIds(watch.resumeAt, max)
    await walk((id, position) => {
      next?.pass(id, position)
      const first = found.get(id)
      if (first === undefined) return
      if (first < 0) found.set(id, position)
      else tell({ id, first, again: position })
    })
    watch = next
  }
}
