import { types } from 'pg'

/*
 * How values of the database look in the hub, the same in knex and in every pool:
 *   bigint       number; beyond 2^53 the query fails rather than being silently wrong
 *   numeric      string of digits
 *   date         'YYYY-MM-DD'
 *   timestamptz  RFC 3339 in UTC with milliseconds (so columns are timestamptz(3): what is read back
 *                equals what is stored)
 *   timestamp    the server's text: it has no zone, so it is no instant
 */
type Parse = (text: string) => unknown

const { builtins } = types
/** The driver's own parsers; its list of object ids is shorter than what it can parse. */
const builtinParser: (oid: number, format?: 'text' | 'binary') => Parse = types.getTypeParser
const parseDefaultTimestamp: Parse = builtinParser(builtins.TIMESTAMPTZ)
/** Of `text[]`. */
const parseTextArray = builtinParser(1009)

function parseBigint(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint beyond 2^53: ${text}`)
  return value
}

/** An instant; `infinity` stays text. Where the session's zone is UTC only the marks differ, and no date is made. */
function parseInstant(text: string): string {
  if (utcInstant.test(text)) {
    return `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(3, '0')}Z`
  }
  const parsed = parseDefaultTimestamp(text)
  return parsed instanceof Date ? parsed.toISOString() : text
}

/** Years of four digits, milliseconds at most: what else there is goes by way of a date. */
const utcInstant = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,3})?\+00$/

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const keepText: Parse = (text) => text

/** Element types answer a list of such values for their array type. */
const inArray =
  (parse: Parse): Parse =>
  (text) =>
    asList(parseTextArray(text)).map((item) => (typeof item === 'string' ? parse(item) : item))

const parsers = new Map<number, Parse>([
  [builtins.INT8, parseBigint],
  [builtins.NUMERIC, keepText],
  [builtins.DATE, keepText],
  [builtins.TIMESTAMP, keepText],
  [builtins.TIMESTAMPTZ, parseInstant],
  [1016, inArray(parseBigint)],
  [1231, inArray(keepText)],
  [1182, inArray(keepText)],
  [1115, inArray(keepText)],
  [1185, inArray(parseInstant)],
])

/** Passed to every client as `types`. The binary format is never asked for. */
export const valueTypes = {
  getTypeParser: (oid: number, format?: string): Parse =>
    format === 'binary' ? builtinParser(oid, format) : (parsers.get(oid) ?? builtinParser(oid)),
}
