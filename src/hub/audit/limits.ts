/** Every limit of the log's writing side. What passes one is cut with a marker or refused, as said beside it. */
export const auditLimits = {
  /** One statement writes at most this many entries, and this many bytes of them. */
  batchEntriesMax: 256,
  batchBytesMax: 8 * 1024 * 1024,
  /**
   * So many waiting entries are written at once, beside a batch that is under way if need be: while
   * PostgreSQL writes one batch the hub builds the next. Fewer wait, for a batch costs what ten entries do.
   */
  laneEntriesMin: 32,
  /** What waits to be written; beyond it calls are `unavailable`. */
  waitingEntriesMax: 20_000,
  waitingBytesMax: 64 * 1024 * 1024,
  /** Calls without a caller may fill only this part of the queue: the rest is kept for calls that have one. */
  anonymousWaitingMax: 10_000,
  /** A statement that takes longer counts as a lost connection. */
  flushMsMax: 10_000,
  /** How long waiting entries are kept while the database is away. */
  patienceMs: 10_000,
  /** Addresses whose anonymous calls are counted apart within a minute; the others share one entry. */
  foldedAddressesMax: 10_000,
  /** Texts longer than this are cut, with a marker that says by how much. */
  textCharactersMax: 1000,
  listItemsMax: 1000,
  subjectsMax: 10_000,
  noteCharactersMax: 16_384,
  noteDepthMax: 8,
  noteValuesMax: 2000,
} as const
