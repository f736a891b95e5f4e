/*
 * What a verifier must know of an entry's bytes: canonical JSON with an id (UUIDv7), the instant it carries, a
 * version, and the digest of what it says (`facts`), which only whoever was shown the facts can check.
 */
export interface EntryHead {
  id: string
  /** As it is written: `2026-11-03T08:00:00.000Z`. */
  readyAt: string
}

/** An entry whole, for whoever checks what it says. */
export interface EntryBody extends EntryHead {
  version: number
  /** base64url of SHA-256. */
  facts: string
}

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
const entryPattern = new RegExp(
  `^\\{"facts":"([\\w-]{43})","id":"(${uuid})","readyAt":"(\\d{4}-[\\d:T.-]{18}Z)","version":(\\d{1,4})\\}$`,
)

/** Null where the bytes are no entry of the log. */
export function readEntry(bytes: Uint8Array): EntryBody | null {
  const [, facts, id, readyAt, version] =
    entryPattern.exec(Buffer.from(bytes).toString('latin1')) ?? []
  return facts === undefined || id === undefined || readyAt === undefined
    ? null
    : { facts, id, readyAt, version: Number(version) }
}

/*
 * The digest stands first and has one length, so that id and instant always stand at the same places. Of
 * millions of entries each is looked at there: a pattern over each takes as long as a hash.
 */
const idAt = 61
const idLength = 36
const instantAt = 110
const instantLength = 24
const literals: readonly (readonly [at: number, text: string])[] = [
  [0, '{"facts":"'],
  [53, '","id":"'],
  [97, '","readyAt":"'],
  [134, '","version":'],
]
const dash = 0x2d
/** For each place of an id: whether a character code may stand there. */
const mayStand = Array.from({ length: idLength }, (_, at) =>
  Uint8Array.from({ length: 128 }, (_none, code) =>
    [8, 13, 18, 23].includes(at)
      ? Number(code === dash)
      : Number(/[0-9a-f]/.test(String.fromCharCode(code))),
  ),
)

function isEntry(bundle: string, from: number): boolean {
  for (const [at, text] of literals) if (!bundle.startsWith(text, from + at)) return false
  for (let at = 0; at < idLength; at += 1) {
    if (mayStand[at]?.[bundle.charCodeAt(from + idAt + at)] !== 1) return false
  }
  return true
}

/**
 * The same for an entry among others, without what only few need; the bundle as text, a character a byte. What
 * it answers is part of that text: keep a copy of it, or the whole bundle is kept.
 */
export function readHead(bundle: string, from: number, to: number): EntryHead | null {
  if (to - from <= instantAt + instantLength || !isEntry(bundle, from)) return null
  const [id, instant] = [from + idAt, from + instantAt]
  return {
    id: bundle.slice(id, id + idLength),
    readyAt: bundle.slice(instant, instant + instantLength),
  }
}

/** The first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562, section 5.7): 12 digits, a dash between. */
export const timeOfId = (id: string): string => id.slice(0, 13)

const instantOfTime = (time: string): number =>
  Number.parseInt(time.slice(0, 8) + time.slice(9), 16)

/** Whether an id carries the very instant that its entry names; many entries follow each other within a second. */
export function openInstants(): (head: EntryHead) => boolean {
  let [time, text] = ['', '']
  let [second, secondText] = [-1, '']
  return ({ id, readyAt }) => {
    if (time === '' || !id.startsWith(time)) {
      time = timeOfId(id)
      const ms = instantOfTime(time)
      if (Math.floor(ms / 1000) !== second) {
        second = Math.floor(ms / 1000)
        secondText = instantText(second * 1000).slice(0, -4)
      }
      text = `${secondText}${String(ms % 1000).padStart(3, '0')}Z`
    }
    return readyAt === text
  }
}

/** Empty where an id's time lies beyond what a calendar can say. */
const instantText = (ms: number): string => (ms <= 8.64e15 ? new Date(ms).toISOString() : '')

export interface MonthBounds {
  /** The first time of the month, and the first after it, as ids carry them. */
  from: string
  to: string
}

export const monthPattern = /^\d{4}-(0[1-9]|1[0-2])$/

/** A month (`2026-11`, UTC) by the times of its ids. */
export function boundsOfMonth(month: string): MonthBounds {
  const [year, number] = month.split('-').map(Number)
  const timeOf = (ms: number): string => {
    const digits = Math.max(0, ms).toString(16).padStart(12, '0')
    return `${digits.slice(0, 8)}-${digits.slice(8)}`
  }
  return {
    from: timeOf(Date.UTC(year ?? 0, (number ?? 1) - 1)),
    to: timeOf(Date.UTC(year ?? 0, number ?? 1)),
  }
}

/** UUIDs compare as their texts do. */
export const isInMonth = (id: string, { from, to }: MonthBounds): boolean => id >= from && id < to
