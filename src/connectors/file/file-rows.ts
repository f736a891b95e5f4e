import { createHash } from 'node:crypto'
import { decodeRows, type RowMediaType } from '../../exchange/decode/decode-rows.ts'
import type { ContentEncoding } from '../../exchange/decode/decompress.ts'
import type { DecodedRow } from '../../exchange/types.ts'
import type { RowFileSettings } from './folder-store.ts'
import type { StoredBytes } from './stored-zip.ts'
import { workbookRows } from './workbook-rows.ts'

export interface FileBlock {
  rows: readonly DecodedRow[]
  byteCount: number
  /** Digest of everything up to the block's end; blocks are the same each time a file is read. */
  digest: string
}

export interface FileRows extends AsyncIterable<FileBlock> {
  /** From the first block on, where the format has a header. */
  readonly columns: readonly string[] | null
}

const mediaTypes = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  json: 'application/json',
} as const satisfies Record<string, RowMediaType>

/** Digest of no rows. */
export const emptyDigest = digestText(createHash('sha256'))

function digestText(hash: ReturnType<typeof createHash>): string {
  return hash.copy().digest('base64url').slice(0, 22)
}

/** A file's rows, whatever its format; `.gz` and `.zst` are decompressed. Never the whole file in memory. */
export function fileRows(source: StoredBytes, name: string, settings: RowFileSettings): FileRows {
  const { format } = settings
  if (format === 'xlsx' || format === 'xls') {
    return sheetBlocks(source, { format, sheet: settings.sheet })
  }
  const hash = createHash('sha256')
  const decoded = decodeRows(source.stream(0, source.size), {
    mediaType: mediaTypes[format],
    contentEncoding: encodingOf(name),
    ...(settings.encoding !== undefined && format === 'csv' && { charset: settings.encoding }),
    onBytes: (chunk) => void hash.update(chunk),
  })
  async function* blocks(): AsyncGenerator<FileBlock> {
    let beginByte = 0
    for await (const { rows, endByte } of decoded) {
      yield { rows, byteCount: endByte - beginByte, digest: digestText(hash) }
      beginByte = endByte
    }
  }
  const iterator = blocks()
  return {
    get columns() {
      return decoded.columns
    },
    [Symbol.asyncIterator]: () => iterator,
  }
}

function sheetBlocks(source: StoredBytes, options: Parameters<typeof workbookRows>[1]): FileRows {
  const workbook = workbookRows(source, options)
  async function* blocks(): AsyncGenerator<FileBlock> {
    const hash = createHash('sha256')
    for await (const rows of workbook) {
      const text = JSON.stringify(rows)
      hash.update(text)
      yield { rows, byteCount: Buffer.byteLength(text), digest: digestText(hash) }
    }
  }
  const iterator = blocks()
  return {
    get columns() {
      return workbook.columns
    },
    [Symbol.asyncIterator]: () => iterator,
  }
}

const encodingOf = (name: string): ContentEncoding =>
  /\.gz$/i.test(name) ? 'gzip' : /\.zst$/i.test(name) ? 'zstd' : 'identity'
