import { Refusal } from '../../../src/shared/refusal.ts'
import { decodeRows, type DecodeOptions } from '../../../src/exchange/decode/decode-rows.ts'
import type { DecodedRow } from '../../../src/exchange/types.ts'

/** Everything that came out of a body, and how it ended. */
export interface Decoded {
  rows: DecodedRow[]
  endBytes: number[]
  columns: string[] | null
  refusal: Refusal | undefined
}

export async function* inChunks(bytes: Uint8Array, sizes: readonly number[]) {
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? bytes.length
    yield bytes.subarray(at, at + size)
    at += size
  }
}

export async function decode(
  body: string | Uint8Array | AsyncIterable<Uint8Array>,
  options: DecodeOptions,
): Promise<Decoded> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const source = bytes instanceof Uint8Array ? inChunks(bytes, [bytes.length || 1]) : bytes
  const stream = decodeRows(source, options)
  const decoded: Decoded = { rows: [], endBytes: [], columns: null, refusal: undefined }
  try {
    for await (const block of stream) {
      decoded.rows.push(...block.rows)
      decoded.endBytes.push(block.endByte)
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    decoded.refusal = error
  }
  return { ...decoded, columns: stream.columns }
}

export const ndjson: DecodeOptions = { mediaType: 'application/x-ndjson' }
export const csv: DecodeOptions = { mediaType: 'text/csv' }
export const json: DecodeOptions = { mediaType: 'application/json' }

/** `宁乡市` and its neighbours in GB18030, written by hand: Node only reads that charset. */
export const gb18030: Record<string, number[]> = {
  姓: [0xd0, 0xd5],
  名: [0xc3, 0xfb],
  王: [0xcd, 0xf5],
  // The second byte is 0x5C, a backslash in ASCII.
  玕: [0xab, 0x5c],
  // The second byte is 0x7C, a vertical bar in ASCII.
  畖: [0xae, 0x7c],
  // Four bytes, two of them ASCII digits: U+3400.
  '\u3400': [0x81, 0x39, 0xee, 0x39],
}

export const inGb18030 = (text: string): Buffer =>
  Buffer.from(Array.from(text).flatMap((char) => gb18030[char] ?? [char.charCodeAt(0)]))
