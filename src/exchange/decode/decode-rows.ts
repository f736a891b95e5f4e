import { Refusal } from '../../shared/refusal.ts'
import type { DecodedBlock } from '../types.ts'
import { namedCharset } from './charset.ts'
import { cutBlocks } from './cut-blocks.ts'
import { elementCutter } from './cut-elements.ts'
import { lineCutter } from './cut-lines.ts'
import { recordCutter } from './cut-records.ts'
import { decompressed, type ContentEncoding } from './decompress.ts'
import { decodeLimits, type DecodeLimits } from './limits.ts'
import type { Cutter, RowReader } from './pieces.ts'
import { csvReader } from './read-csv.ts'
import { jsonReader } from './read-json.ts'

export type RowMediaType = 'application/x-ndjson' | 'text/csv' | 'application/json'

export interface DecodeOptions {
  mediaType: RowMediaType
  contentEncoding?: ContentEncoding
  /** The media type's parameter. CSV without one is UTF-8 or GB18030, whichever fits; JSON is UTF-8. */
  charset?: string
  limits?: Partial<DecodeLimits>
  /**
   * Sees every decompressed byte once, in order. When a block is handed over, exactly the bytes before
   * its `endByte` have been seen, so a running digest is then the digest of that prefix. The chunk is
   * only valid during the call.
   */
  onBytes?: (chunk: Uint8Array) => void
}

export interface DecodedStream extends AsyncIterable<DecodedBlock> {
  /** The CSV header's names, from the first block on (in a body without rows: at its end); else null. */
  readonly columns: string[] | null
}

/**
 * Decodes a body to rows, block by block, in memory that does not grow with it; nothing is read ahead of
 * the caller. Blocks depend on the decompressed bytes and the limits alone, not on how they were chunked
 * or compressed: the same body sent again gives the same `endByte`s.
 *
 * What is wrong with a row is a fault in its place and never thrown. A body that cannot be read throws
 * Refusal: `media-type-unsupported` at once; `request-invalid` for a JSON array behind all rows before the
 * break; that and `payload-too-large` for compression behind the last full block, since what stands in a
 * damaged frame is not to be trusted. Errors of `body` itself pass unchanged.
 */
export function decodeRows(body: AsyncIterable<Uint8Array>, options: DecodeOptions): DecodedStream {
  const limits = { ...decodeLimits, ...options.limits }
  const format = openFormat(options, limits)
  const encoding = options.contentEncoding ?? 'identity'
  const bytes = decompressed(body, encoding, limits.decodedBytesMax)
  const blocks = cutBlocks(bytes, { ...format, limits, onBytes: options.onBytes })
  return {
    get columns() {
      return format.columns()
    },
    [Symbol.asyncIterator]: () => blocks,
  }
}

interface Format {
  cutter: Cutter
  reader: RowReader
  columns: () => string[] | null
}

function openFormat({ mediaType, charset }: DecodeOptions, limits: DecodeLimits): Format {
  const named = charset === undefined ? undefined : namedCharset(charset)
  if (mediaType === 'text/csv') {
    const cutter = recordCutter(limits.rowBytesMax)
    const reader = csvReader({ ...limits, delimiter: cutter.delimiter, charset: named })
    return { cutter, reader, columns: reader.columns }
  }
  if (named === 'gb18030') throw new Refusal('media-type-unsupported', jsonIsUtf8)
  const cutter = mediaType === 'application/json' ? elementCutter() : lineCutter()
  return { cutter, reader: jsonReader(limits), columns: () => null }
}

const jsonIsUtf8 =
  'JSON 须用 UTF-8 编码(RFC 8259) / JSON must be UTF-8 (RFC 8259); GB18030 is for CSV only'
