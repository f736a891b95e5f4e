const mebibyte = 1024 * 1024

/** Limits of workbooks. Rows are streamed, but an xlsx keeps its texts in a part that is held whole. */
export const workbookLimits = {
  /** Bytes of an xlsx as it lies in the store. */
  workbookBytesMax: 512 * mebibyte,
  /** Bytes of an .xls, which is read whole: its format knows 65,536 rows a sheet. */
  legacyBytesMax: 64 * mebibyte,
  /** Expanded bytes of the parts that are held in memory: shared texts, styles, relations. */
  heldBytesMax: 128 * mebibyte,
  /** Bytes of the list of parts. */
  directoryBytesMax: 4 * mebibyte,
  columnsMax: 2000,
  blockRowsMax: 250,
} as const
