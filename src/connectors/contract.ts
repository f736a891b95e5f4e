/**
 * A connector (连接器) is how one kind of store is read and written. Everything a sync needs of a store is
 * in this file; a kind implements the parts that it can. Connectors know of rows and of places to go on
 * from; they know nothing of resources, runs or grants.
 *
 *   source: probe · describe · newest · count · read ─▶ blocks ─▶ acknowledge (files, exchange tables)
 *   target: probe · prepare · lastBatch · write … ─▶ finish
 *
 * What is wrong with the caller's settings or with the store's shape is a Refusal (`request-invalid`,
 * `state-conflict`); a store that cannot be reached, or is lost half-way, is `source-unreachable`: never a
 * bad row, never an empty answer.
 */
import type { ConnectorKind } from '../../schemas/api/connectors.ts'
import type { FieldType } from '../../schemas/field.ts'
import type { Fault, DecodedRow, SourceRow } from '../exchange/types.ts'

/** What a connector is given by whoever opens it. */
export interface ConnectorContext {
  /** Folders under which files and SQLite databases may lie; nothing outside them is touched. */
  filesDirs: readonly string[]
  /** Ends every wait and read when the run is cancelled, or the hub stops. */
  signal?: AbortSignal | undefined
}

/**
 * Where to go on reading: JSON that only its connector understands, kept by the hub with the batch.
 * Values of cursors are kept as the store's own exact text: a JavaScript date would lose microseconds.
 */
export type Position = Readonly<Record<string, unknown>>

export interface ReadBounds {
  /** The columns that say what is new, such as `["updated_at", "id"]`; null: everything there is. */
  cursor: readonly string[] | null
  /** Only what lies behind it; null: from the beginning. */
  after: Position | null
  /** What `newest` answered when the run began: what changes meanwhile is the next run's. */
  upTo: Position | null
  /**
   * How far before `after` is read again, for transactions that committed late: seconds where the first
   * cursor column is a time, a count where it is a number. 0: nothing.
   */
  overlap: number
  /** A backfill: values of the first cursor column, half-open `[from, to)`, in the source's own writing. */
  range: { from?: string | undefined; to?: string | undefined } | null
}

/** Rows that came together. Memory is bounded by the connector: at most some thousand rows or a few MiB. */
export interface SourceBlock {
  rows: readonly DecodedRow[]
  byteCount: number
  /**
   * Where to go on behind the first `count` rows of the block; null where that would not be ahead of
   * `after` (rows of the overlap).
   */
  positionAfter(count: number): Position | null
  /**
   * What the source is told the fate of as a whole: a file of a drop folder, a batch of an exchange table.
   * A block lies within one unit. Null where the source wants no acknowledgement.
   */
  unit: string | null
  /** The unit ends with this block. */
  isUnitEnd: boolean
}

export interface SourceColumn {
  name: string
  /** The store's own word: `timestamp(3) with time zone`. */
  nativeType: string
  type: FieldType
  isNullable: boolean
}

export interface SourceDescription {
  /** Null where the store has no columns before its rows are read (JSON). */
  columns: readonly SourceColumn[] | null
  /** Sets of columns that are unique together, the primary key first. */
  keys: readonly (readonly string[])[]
  /** Rough, without counting; null where unknown. */
  rowEstimate: number | null
}

/** What became of a unit, told to the source once its last row is durable in the hub. */
export interface UnitReceipt {
  unit: string
  runId: string
  readCount: number
  landedCount: number
  flaggedCount: number
  rejectedCount: number
  /** The rejected rows as they came, with all their reasons; for sources that take them back. */
  rejects: AsyncIterable<{ source: SourceRow | string; reasons: readonly ReceiptReason[] }>
}

/** A fault with its message in both languages. */
export interface ReceiptReason extends Fault {
  message: string
}

/** Rows of `table` whose columns `on` hold one of the tuples `values`, at most some thousand of these. */
export interface RelatedRequest {
  table: string
  /** To read; those of `on` are among them. Cells are written as those of `read` are. */
  columns: readonly string[]
  on: readonly string[]
  values: readonly (readonly string[])[]
}

export interface Source {
  describe(): Promise<SourceDescription>
  /** The newest position by the cursor; null where the source is empty or has no such order. */
  newest(cursor: readonly string[]): Promise<Position | null>
  /** How many rows `read` would give; null where the store cannot say without reading. */
  count(bounds: ReadBounds): Promise<number | null>
  /**
   * The rows in the cursor's order, or by a unique key, so that a position means the same when it is read
   * again. Where there is no order at all, positions are null and a broken read begins anew.
   */
  read(bounds: ReadBounds): AsyncIterable<SourceBlock>
  /** A position for people: `updated_at 2026-11-22 08:00:00, id 42`. */
  inWords(position: Position): string
  /** Rows of a second table, for children that a mapping nests under their parent. Absent: it cannot. */
  related?(request: RelatedRequest): Promise<readonly SourceRow[]>
  /** May be repeated for the same unit and run; then it changes nothing. */
  acknowledge?(receipt: UnitReceipt): Promise<void>
  close(): Promise<void>
}

/** A column that a delivery fills. */
export interface TargetColumn {
  name: string
  title: string
  type: FieldType
  /** Code points; absent: unlimited. */
  length?: number | undefined
  /** Digits after the point of a decimal; absent: as given. */
  scale?: number | undefined
}

export interface TargetShape {
  /** The sync's id: batches of several deliveries to one store are told apart by it. */
  delivery: string
  columns: readonly TargetColumn[]
}

/** One record as the grant shows it, or the word that it is gone (or has left the grant's rows). */
export interface TargetRow {
  operation: 'upsert' | 'delete'
  /** Stable per record: its key, or a keyed hash of it where the key is masked. */
  key: string
  /** The change number. */
  seq: number
  /** By column name; null for a deletion. Text, number, boolean, null, or JSON for arrays and objects. */
  values: Readonly<Record<string, unknown>> | null
}

export interface TargetBatch {
  /** 1, 2, … over the whole life of the delivery. */
  number: number
  /** Which full load the batch belongs to: what an older one left behind is deleted by `finish`. */
  generation: number
  runId: string
  rows: readonly TargetRow[]
  at: Date
  /** Where the delivery stands behind this batch, kept by targets that commit it with the rows. */
  position: Position
  /**
   * The last signed checkpoint of the hub's log, for the subscriber to keep and check
   * (`src/shared/anchor/anchor.ts`); null before the first.
   */
  checkpoint?: string | null | undefined
}

/** The last batch that a target knows of. */
export interface LastBatch {
  number: number
  generation: number
  position: Position
  /** The checkpoint that came with it, where the target keeps it. */
  checkpoint?: string | null | undefined
}

/** What a run that has delivered everything tells the target. */
export interface TargetEnd {
  runId: string
  generation: number
  isFull: boolean
  at: Date
  /** As with a batch. */
  checkpoint?: string | null | undefined
}

export interface Target {
  /**
   * When a batch is there for good: with `write`, or only when the run ends well (a file that is renamed
   * into place); then a broken run begins anew.
   */
  readonly commits: 'batch' | 'run'
  /** Creates what is missing, checks what is there; `state-conflict` names every column that does not fit. */
  prepare(shape: TargetShape): Promise<void>
  /** The last batch that the target itself knows to have arrived; null where it cannot say, or has none. */
  lastBatch(): Promise<LastBatch | null>
  /**
   * Writes a batch whole or not at all. One that has arrived before (by its number) changes nothing, one
   * that is older than the last that arrived is refused with `state-conflict`: another process went on.
   */
  write(batch: TargetBatch): Promise<void>
  /**
   * The run has delivered everything. After a full load, what older generations left is deleted; answers
   * how many records that were. Files are put in place with their manifest.
   */
  finish(end: TargetEnd): Promise<{ deletedCount: number }>
  close(): Promise<void>
}

export const probeStages = ['resolve', 'connect', 'sign-in', 'privilege', 'sample'] as const

export interface ProbeStage {
  stage: (typeof probeStages)[number]
  ok: boolean
  /** What was found, or why not and what to do; never a secret. */
  message: string
  /** Of the last stage: columns and at most five rows' worth of counts, no values of people. */
  columns?: readonly SourceColumn[]
}

/** One kind of store. `Settings` are checked by its schema in `schemas/api/connectors.ts` beforehand. */
export interface Connector<Settings> {
  kind: ConnectorKind
  title: string
  titleEn: string
  /** False: built to the contract, not tried against a real server. */
  isTried: boolean
  /** Dotted paths of settings that are secret: `url`, `auth.clientSecret`, `headers.*`. */
  secrets: readonly string[]
  /**
   * Where it leads, without secrets: `postgres://10.1.2.3:5432/zhongyan`. Syncs of one origin share its
   * concurrency limit.
   */
  origin(settings: Settings): string
  /** Stage by stage; the first that fails is the last one told. Never throws for what a probe looks for. */
  probe(settings: Settings, context: ConnectorContext): AsyncIterable<ProbeStage>
  openSource?(settings: Settings, context: ConnectorContext): Source
  openTarget?(settings: Settings, context: ConnectorContext): Target
}
