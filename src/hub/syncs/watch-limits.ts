/** Limits of how syncs are defined, tried and looked at. What passes one gets a clear refusal. */
export const watchLimits = {
  /** Syncs of one hub. */
  syncsMax: 10_000,
  /** Syncs that metrics tell one by one. */
  measuredSyncsMax: 2000,
  /** How long what metrics read once is used for all of them. */
  measuredMs: 1000,
  /** Event streams open at once in one process. */
  eventStreamsMax: 200,
  /** How often a run that somebody watches is looked at. */
  eventPollMs: 500,
  eventHeartbeatMs: 15_000,
  /** After which a browser whose stream broke asks again. */
  eventRetryMs: 2000,
  /** After which a stream ends, so that its caller is asked anew who they are. */
  eventStreamMsMax: 900_000,
  /** Probes under way at once in one process. */
  probesMax: 8,
  /** After which a probe is ended with what it has found. */
  probeMsMax: 30_000,
  /** Columns that a probe answers. */
  probedColumnsMax: 2000,
} as const
