/**
 * Every maximum of the exchange has a name here, so that nothing grows without end and each refusal can
 * say which limit it met. One object for each kind of thing that is limited.
 */

/** What one source row may be; larger ones are rejected with the row code named beside the limit. */
export const rowLimits = {
  /** `row-too-large`: one NDJSON line or CSV record, in bytes of the body. */
  rowBytesMax: 1_048_576,
  /** `cell-too-large`: one cell, in bytes. */
  cellBytesMax: 262_144,
  /** `row-too-deep`: objects and arrays within each other, the row itself counting as one. */
  nestingDepthMax: 8,
  /** `children-too-many`: entries of one child list. */
  childrenCountMax: 1_000,
  /** `key-too-long`: a merge key, in code points; it is the primary key of the record table. */
  keyCodePointsMax: 256,
} as const

/** How much is kept of what was wrong with a row (`mapping.md`, Checks). */
export const faultLimits = {
  /** Reasons collected for one row; the first ones say enough to repair it. */
  faultsPerRowMax: 10,
  /** The raw value in a quality entry, in code points. */
  valueCodePointsMax: 200,
} as const

/** How masked values look: a mask must not measure what it hides. */
export const maskLimits = {
  /** Asterisks that stand for the hidden part of free text; short kinds show one for each character. */
  asterisksMax: 12,
} as const
