import type { Cutter, Piece } from './pieces.ts'

const blankLine = /^[ \t\r]*$/

/** Rows that are lines (NDJSON): LF ends them, CRLF too; the last one may go without. */
export const lineCutter = (): Cutter => ({
  cut: cutLine,
  skip: skipLine,
  finish: () => undefined,
})

export function cutLine(text: string, from: number, isLast: boolean): Piece | null {
  const newline = text.indexOf('\n', from)
  if (newline === -1 && (!isLast || from === text.length)) return null
  const end = newline === -1 ? text.length : newline
  const next = newline === -1 ? end : newline + 1
  return { start: from, end, next, lineCount: 1, line: 0, isRow: !isBlank(text, from, end) }
}

export const skipLine = (text: string): number => {
  const newline = text.indexOf('\n')
  return newline === -1 ? -1 : newline + 1
}

/** Nearly every line begins with something visible: then nothing is sliced. */
const isBlank = (text: string, start: number, end: number): boolean =>
  (start === end || text.charCodeAt(start) <= 32) && blankLine.test(text.slice(start, end))
