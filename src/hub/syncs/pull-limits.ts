/** Limits of pull and check runs. */
export const pullLimits = {
  /** Seconds without a row after which a run is ended as stuck, where its sync does not say. */
  noProgressSeconds: 300,
  /** How long collected rows wait for more before they land, so that a slow source's progress is kept. */
  batchWaitMs: 3000,
  /** How long a source that was told to stop may take to let go. */
  closeWaitMs: 5000,
  /** Rows below which a percentage of rejects says nothing yet. */
  percentRowsMin: 1000,
  /** Differing keys that a check keeps; all of them are counted. */
  differencesMax: 1000,
  /** Rows that a source is asked to count; a larger one would be read twice for a number. */
  countedRowsMax: 20_000_000,
  /** Rejects read at once for the receipt of a unit. */
  receiptPageRows: 1000,
} as const
