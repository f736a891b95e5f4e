/** Limits of what is put in. Each has a test; what passes one gets a clear refusal. */
export const intakeLimits = {
  /** Rows in one batch, that is in one transaction. */
  batchRowsMax: 10_000,
  /** Source bytes in one batch, decompressed. */
  batchBytesMax: 24 * 1024 * 1024,
  /** Rows in one numbered batch of a long load: it is one transaction whatever it holds. */
  numberedBatchRowsMax: 50_000,
  /** Bytes in one numbered batch, decompressed. */
  numberedBatchBytesMax: 64 * 1024 * 1024,
  /** Rejects listed in an answer; all of them are kept with the run. */
  answeredRejectsMax: 100,
  /** Rows of one replay. */
  replayRowsMax: 100_000,
  /** Share of the live records that a snapshot may delete without `force`. */
  snapshotDeletedShareMax: 0.2,
  /** A run that has not said it lives for so long is taken up by another process, or failed. */
  leaseMs: 10_000,
  /** How long a batch is tried again while the database is away. */
  outagePatienceMs: 30_000,
  /** Bytes in one stored piece of a body that is processed after its answer. */
  storedPieceBytes: 1024 * 1024,
  /** Bytes of a body that is processed after its answer, as sent. */
  storedBodyBytesMax: 1024 * 1024 * 1024,
  /** Days within which a failed snapshot may be taken up again; its kept rows stay that long. */
  reopenDaysMax: 7,
  /** Days after which a long load that nobody goes on with is ended. */
  idleLoadDaysMax: 7,
  /** Characters of an idempotency key. */
  idempotencyKeyLengthMax: 200,
} as const
