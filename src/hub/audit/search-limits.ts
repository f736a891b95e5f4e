/** Every limit of searching the log. */
export const searchLimits = {
  /** A search that has not found a page by then answers what it has, and where to go on. */
  searchMsMax: 1500,
  /** The newest slice: of a large city's log some ten thousand entries. */
  firstSliceHours: 6,
  /** Slices up to here are read in the order of ids; larger ones by what finds rare values. */
  orderedHoursMax: 24,
  /** No log is older; what lies before it (a clock gone wrong) is read with the last slice. */
  logsBeginAt: Date.UTC(2020, 0, 1),
  /** Rows of one exported file, and of one statement for it. */
  exportRowsMax: 1_000_000,
  exportPageRows: 1000,
} as const
