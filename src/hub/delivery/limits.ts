/** Limits of deliveries. */
export const deliveryLimits = {
  /** Changes of one batch: beyond some thousand a batch gains nothing, and a broken one costs more. */
  batchRowsMax: 2000,
  /** A batch ends with the record that passes it: what one POST of an interface has to take. */
  batchBytesMax: 8 * 1024 * 1024,
  /** Seconds without an answer of the target after which it is given up, where the sync does not say. */
  noProgressSeconds: 300,
  /** How long a target that was told to stop may take to let go. */
  closeWaitMs: 5000,
} as const
