/** What a body may ask of the decoder. Every one has a default and can be set by the caller. */
export interface DecodeLimits {
  /** Bytes after decompression; more ends the body with `payload-too-large`. This is the guard against decompression bombs. */
  decodedBytesMax: number
  /** Bytes of one line, CSV record or array element; a longer one is a `row-too-large` fault and is never held in memory. */
  rowBytesMax: number
  /** Objects and arrays that may lie within each other, the row's own object being the first; more is `row-too-deep`. */
  depthMax: number
  /** Columns of a CSV header; more is a header nobody meant, such as a body that is no CSV at all. */
  columnsMax: number
  /** Rows in one block. */
  blockRowsMax: number
  /** Bytes after which a block is closed; the row that crosses the line still belongs to it. */
  blockBytesMax: number
}

const mebibyte = 1024 * 1024

export const decodeLimits: DecodeLimits = {
  decodedBytesMax: 64 * 1024 * mebibyte,
  rowBytesMax: mebibyte,
  depthMax: 16,
  columnsMax: 2000,
  blockRowsMax: 250,
  blockBytesMax: mebibyte,
}

/** A faulty row's text is kept for its owner to repair: at most this many bytes of the source. */
export const rawBytesMax = 64 * 1024

/** New bytes that are waited for before the next look for row ends, so that tiny chunks cost no rescans. */
export const scanBytesMin = 64 * 1024

/** Bytes of a chunk that are taken in at a time. */
export const portionBytesMax = 256 * 1024
