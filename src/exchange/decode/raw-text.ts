import type { RowCode } from '../../../schemas/api/row-codes.ts'
import type { DecodedRow } from '../types.ts'
import { rawBytesMax } from './limits.ts'

/** The source's text of a faulty row, broken bytes shown as U+FFFD, cut to 64 KiB of UTF-8 between characters. */
export function rawText(bytes: Buffer, charset: string): string {
  const text = beginning(bytes, charset)
  const isLonger = text.length * 3 > rawBytesMax && Buffer.byteLength(text) > rawBytesMax
  return isLonger ? beginning(Buffer.from(text), 'utf-8') : text
}

const beginning = (bytes: Buffer, charset: string): string =>
  new TextDecoder(charset, { ignoreBOM: true }).decode(bytes.subarray(0, rawBytesMax), {
    stream: bytes.length >= rawBytesMax,
  })

/** A row that could not be read, with its text. */
export const faultRow = (line: number, fault: RowCode, raw: string): DecodedRow => ({
  line,
  fault,
  raw,
})
