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

/** The same for an entry among others, without what only few need. */
export function readHead(bytes: Buffer, from: number, to: number): EntryHead | null {
  const [, , id, readyAt] = entryPattern.exec(bytes.toString('latin1', from, to)) ?? []
  return id === undefined || readyAt === undefined ? null : { id, readyAt }
}

/** The first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562, section 5.7): 12 digits, a dash between. */
export const timeOfId = (id: string): string => id.slice(0, 13)

const instantOfTime = (time: string): number =>
  Number.parseInt(time.slice(0, 8) + time.slice(9), 16)

/** Whether an id carries the very instant that its entry names; many entries follow each other within one. */
export function openInstants(): (head: EntryHead) => boolean {
  let [time, text] = ['', '']
  return ({ id, readyAt }) => {
    if (!id.startsWith(time) || time === '') {
      time = timeOfId(id)
      text = instantText(instantOfTime(time))
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
