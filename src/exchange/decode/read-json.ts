import { isUtf8 } from 'node:buffer'
import type { DecodedRow, SourceRow } from '../types.ts'
import { isDeeperThan, mayLoseDigits, parseExactly } from './exact-json.ts'
import { withoutReturn, type Piece, type RowReader } from './pieces.ts'
import { faultRow, rawText } from './raw-text.ts'

/**
 * Lines or elements, one JSON object each, in UTF-8 (RFC 8259 §8.1). A key `__proto__` becomes an own
 * property, as JSON.parse makes it, and changes no prototype.
 */
export const jsonReader = (limits: { depthMax: number }): RowReader => ({
  read(bytes, pieces) {
    const isClean = isUtf8(bytes)
    return pieces.map((piece) => readPiece(bytes, piece, { depthMax: limits.depthMax, isClean }))
  },
  oversized: (bytes, line) => faultRow(line, 'row-too-large', rawText(bytes, 'utf-8')),
  finish: () => undefined,
})

interface Context {
  depthMax: number
  isClean: boolean
}

function readPiece(bytes: Buffer, piece: Piece, context: Context): DecodedRow {
  const { line, start } = piece
  const end = withoutReturn(bytes, piece)
  const fault = (code: 'encoding' | 'not-json' | 'row-too-deep'): DecodedRow =>
    faultRow(line, code, rawText(bytes.subarray(start, end), 'utf-8'))

  if (!context.isClean && !isUtf8(bytes.subarray(start, end))) return fault('encoding')
  const text = bytes.toString('utf8', start, end)
  if (isDeeperThan(text, context.depthMax)) return fault('row-too-deep')
  const row = parseObject(text, mayLoseDigits(bytes, start, end))
  return row ? { line, row } : fault('not-json')
}

function parseObject(text: string, isExactNeeded: boolean): SourceRow | undefined {
  try {
    const value: unknown = isExactNeeded ? parseExactly(text) : JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is SourceRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
