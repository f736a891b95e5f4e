/** The same seed gives the same samples on every machine: nothing here asks the clock or `Math.random`. */

export interface Seeded {
  /** A whole number from `from` to `to`, both included. */
  between: (from: number, to: number) => number
  pick: <T>(list: readonly T[]) => T
  /** True once in `n` times. */
  oneIn: (n: number) => boolean
}

/** Mulberry32: small, well mixed, the same in every engine. */
export function seeded(seed: number): Seeded {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  return {
    between,
    pick: (list) => list[between(0, list.length - 1)] as (typeof list)[number],
    oneIn: (n) => between(1, n) === 1,
  }
}

/** A number as text, filled with zeros on the left. */
export const padded = (value: number, length: number): string => String(value).padStart(length, '0')

/** A date of the given year as `YYYYMMDD`, never a day that some month lacks. */
export const dayOf = (random: Seeded, year: number): string =>
  `${year}${padded(random.between(1, 12), 2)}${padded(random.between(1, 28), 2)}`

/** `YYYYMMDD` as `YYYY-MM-DD` or `YYYY/MM/DD`. */
export const written = (day: string, separator: '-' | '/'): string =>
  [day.slice(0, 4), day.slice(4, 6), day.slice(6)].join(separator)
