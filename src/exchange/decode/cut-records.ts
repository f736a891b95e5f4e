import { cutLine, skipLine } from './cut-lines.ts'
import { carriageReturn, lineFeed, type Cutter, type Piece } from './pieces.ts'

const quoteCode = 34

export type Delimiter = ',' | '\t' | ';'

/**
 * CSV records (RFC 4180): a line break within quotes belongs to the cell. Only quotes are followed here,
 * cells are left to the reader. A quote within an unquoted cell, behind a closing quote, or never closed
 * makes `not-csv` of the record's first line alone, and cutting goes on with the next line: one lost
 * quote must not swallow the good rows behind it.
 */
export function recordCutter(rowBytesMax: number): Cutter & { delimiter: () => Delimiter } {
  let delimiter: Delimiter | undefined
  const quotes = quoteFinder()

  const cut = (text: string, from: number, isLast: boolean): Piece | null => {
    const line = cutLine(text, from, isLast)
    if (!line) return null
    if (isEmpty(text, line)) return { ...line, isRow: false }
    delimiter ??= chooseDelimiter(text.slice(line.start, line.end))
    if (quotes.from(text, from) >= line.end) return { ...line, isRow: true, quotingLength: 0 }
    const record = cutQuoted(text, line, { quotes, delimiter, isLast })
    // Two bytes of grace: an unfinished record may already hold its own CR LF.
    const size = record ? record.end - from : text.length - from - 2
    return size > rowBytesMax && record?.end !== line.end ? malformed(line) : record
  }
  return {
    cut,
    skip: skipLine,
    finish: () => undefined,
    delimiter: () => delimiter ?? ',',
  }
}

/** Only an empty line is no record: spaces may be the one cell of a file with one column. */
const isEmpty = (text: string, { start, end }: Piece): boolean =>
  start === end || (end === start + 1 && text.charCodeAt(start) === carriageReturn)

const malformed = (line: Piece): Piece => ({ ...line, isRow: true, fault: 'not-csv' })

interface QuotedContext {
  quotes: ReturnType<typeof quoteFinder>
  delimiter: string
  isLast: boolean
}

/** A record with quotes, whose first physical line is known. */
function cutQuoted(text: string, line: Piece, context: QuotedContext): Piece | null {
  const { quotes, delimiter, isLast } = context
  let end = line.end
  let lineCount = 1
  let quotingLength = 0
  let open = quotes.from(text, line.start)
  while (open < end) {
    if (open !== line.start && text[open - 1] !== delimiter) return malformed(line)
    let close = text.indexOf('"', open + 1)
    while (close !== -1 && text.charCodeAt(close + 1) === quoteCode) {
      quotingLength++
      close = text.indexOf('"', close + 2)
    }
    if (!isLast && (close === -1 || close + 2 >= text.length)) return null
    if (close === -1 || !endsCell(text, close + 1, delimiter)) return malformed(line)
    quotingLength += 2
    while (end < close) {
      const newline = text.indexOf('\n', end + 1)
      if (newline === -1 && !isLast) return null
      end = newline === -1 ? text.length : newline
      lineCount++
    }
    open = quotes.from(text, close + 1)
  }
  const next = Math.min(end + 1, text.length)
  return { start: line.start, end, next, lineCount, line: 0, isRow: true, quotingLength }
}

function endsCell(text: string, at: number, delimiter: string): boolean {
  if (at === text.length || text[at] === delimiter) return true
  const code = text.charCodeAt(at)
  if (code === lineFeed) return true
  const isAtEnd = at + 1 === text.length || text.charCodeAt(at + 1) === lineFeed
  return code === carriageReturn && isAtEnd
}

/** The next quote at or behind an index. A file without quotes is searched once, not once a record. */
function quoteFinder() {
  let searched = ''
  let from = 0
  let found = -1
  return {
    from(text: string, at: number): number {
      const isKnown = text === searched && at >= from && at <= found
      if (isKnown) return found
      searched = text
      from = at
      found = text.indexOf('"', at)
      if (found === -1) found = Number.POSITIVE_INFINITY
      return found
    },
  }
}

/**
 * The comma, unless the header has none and more of another one. `|` is not offered: its byte 0x7C is the
 * second half of GB18030 characters.
 */
export function chooseDelimiter(header: string): Delimiter {
  const bare = header.replaceAll(/"[^"]*(?:"|$)/g, '')
  if (bare.includes(',')) return ','
  const tabCount = bare.split('\t').length
  const semicolonCount = bare.split(';').length
  if (tabCount === 1 && semicolonCount === 1) return ','
  return tabCount >= semicolonCount ? '\t' : ';'
}
