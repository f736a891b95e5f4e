/*
 * What a verifier must know of an entry's bytes: canonical JSON with an id (UUIDv7), the instant it carries, a
 * version, and the digest of what it says (`facts`), which only whoever was shown the facts can check.
 */
export interface EntryHead {
  id: string
  /** What the id says of its time: milliseconds since 1970. */
  ms: number
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
    : { facts, id, ms: msOfId(id, 0), readyAt, version: Number(version) }
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

const headLength = Math.max(...literals.map(([at, text]) => at + text.length))

/** The literals four bytes at a time, as big-endian numbers; the last four of each may overlap those before. */
const words = literals.flatMap(([at, text]) => {
  const bytes = Buffer.from(text)
  const last = bytes.length - 4
  const starts = Array.from({ length: Math.ceil(last / 4) }, (_, index) => index * 4)
  return [...starts, last].map((start) => ({ at: at + start, word: bytes.readUInt32BE(start) }))
})
const wordsAt = Uint8Array.from(words, ({ at }) => at)
const wordsThere = Uint32Array.from(words, ({ word }) => word)

/** A bundle's bytes, also as text, a character a byte. */
export interface BundleBytes {
  view: DataView
  text: string
}

export const viewBundle = (bytes: Buffer): BundleBytes => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  text: bytes.toString('latin1'),
})

/**
 * The same for an entry among others, without what only few need. What it answers is part of the bundle's
 * text: keep a copy of it, or the whole bundle is kept.
 */
export function readHead({ view, text }: BundleBytes, from: number, to: number): EntryHead | null {
  if (to - from < headLength) return null
  for (let index = 0; index < wordsAt.length; index += 1) {
    if (view.getUint32(from + (wordsAt[index] ?? 0)) !== wordsThere[index]) return null
  }
  const [id, instant] = [from + idAt, from + instantAt]
  const ms = msOfId(text, id)
  if (Number.isNaN(ms)) return null
  return {
    id: text.slice(id, id + idLength),
    ms,
    readyAt: text.slice(instant, instant + instantLength),
  }
}

/** What a character code is as a hexadecimal digit of an id; negative where it is none. */
const digitOf = Int8Array.from({ length: 256 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code)),
)
const dash = 0x2d

/** The first 48 bits of a UUIDv7 (RFC 9562, section 5.7): 12 digits, a dash between. NaN where there is no id. */
function msOfId(text: string, from: number): number {
  const ms = hexNumber(text, from, 8) * 0x1_0000 + hexNumber(text, from + 9, 4)
  const isId =
    isDash(text, from + 8) &&
    isDash(text, from + 13) &&
    isHex(text, from + 14, 4) &&
    isDash(text, from + 18) &&
    isHex(text, from + 19, 4) &&
    isDash(text, from + 23) &&
    isHex(text, from + 24, 12)
  return isId ? ms : Number.NaN
}

const isDash = (text: string, at: number): boolean => text.charCodeAt(at) === dash

/** NaN where one of them is no digit. */
function hexNumber(text: string, from: number, length: number): number {
  let number = 0
  for (let at = from; at < from + length; at += 1) {
    const digit = digitOf[text.charCodeAt(at)] ?? -1
    if (digit < 0) return Number.NaN
    number = number * 16 + digit
  }
  return number
}

function isHex(text: string, from: number, length: number): boolean {
  for (let at = from; at < from + length; at += 1) {
    if ((digitOf[text.charCodeAt(at)] ?? -1) < 0) return false
  }
  return true
}

/** Whether an id carries the very instant that its entry names; many entries follow each other within a second. */
export function openInstants(): (head: EntryHead) => boolean {
  let [lastMs, text] = [-1, '']
  let [second, secondText] = [-1, '']
  return ({ ms, readyAt }) => {
    if (ms !== lastMs) {
      lastMs = ms
      if (Math.floor(ms / 1000) !== second) {
        second = Math.floor(ms / 1000)
        secondText = writtenInstant(second * 1000).slice(0, -4)
      }
      text = `${secondText}${String(ms % 1000).padStart(3, '0')}Z`
    }
    return readyAt === text
  }
}

/** Empty where an id's time lies beyond what a calendar can say. */
const writtenInstant = (ms: number): string => (ms <= 8.64e15 ? new Date(ms).toISOString() : '')

/** Milliseconds since 1970: the first of the month, and the first after it. */
export interface MonthBounds {
  from: number
  to: number
}

export const monthPattern = /^\d{4}-(0[1-9]|1[0-2])$/

/** A month (`2026-11`, UTC). */
export function boundsOfMonth(month: string): MonthBounds {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return { from: Date.UTC(year, number - 1), to: Date.UTC(year, number) }
}

export const isInMonth = ({ ms }: EntryHead, { from, to }: MonthBounds): boolean =>
  ms >= from && ms < to
