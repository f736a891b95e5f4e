/**
 * What differs between SQL stores, as data and small functions: the shared source is written once on it.
 * Every value leaves the store as text that the store itself made (`cell`) and goes back as text that the
 * store itself reads (`bound`): a JavaScript number or date in between would lose digits.
 */
import type { SourceColumn } from '../contract.ts'
import type { SqlSession } from './session.ts'
import type { Sql } from './sql-text.ts'

/** How a column's values are ordered and shifted: by it overlaps and casts are chosen. */
export type ColumnSort = 'number' | 'date' | 'time' | 'instant' | 'text'

export interface StoreColumn extends SourceColumn {
  sort: ColumnSort
}

export interface SqlDialect {
  quote(name: string): string
  /** What the store makes of a name that is not quoted (Oracle: capitals); absent: it stays. */
  fold?(name: string): string
  /** Of the parameter with this number, from 1. */
  placeholder(index: number): string
  /** The expression whose text is the row's cell. `zone`: times without a zone are of this one. */
  cell(column: StoreColumn, zone: string | undefined): string
  /** The expression whose text can be given back to `bound` without loss. */
  position(column: StoreColumn): string
  /** A position's text as a value that compares with the column. */
  bound(column: StoreColumn, text: string): Sql
  /** `bound` less an overlap: seconds of times, a count of numbers. */
  earlier(column: StoreColumn, text: string, overlap: number): Sql
  /** True where `(a, b) > (x, y)` is understood, and served by an index. */
  hasRowValues: boolean
  /** The first rows of a select. */
  first(select: Sql, count: number): Sql
  /** What is left to do on a cell's text, where the store cannot; absent: nothing. */
  finish?(column: StoreColumn, zone: string | undefined): ((text: string) => string) | undefined
  /** The store's clock less so many seconds, in the zone in which the column is written. */
  secondsAgo(column: StoreColumn, seconds: number): string
  /** True where one statement inserts several rows: `values (…), (…)`. */
  hasMultipleValues: boolean
  /** Types of the tables that an exchange writes back to. */
  types: { text: string; shortText: string; count: string; instant: string }
  /** The store's clock, for what is written back. */
  now: string
}

/** Cells of one row: the selected columns, then those of its position that differ from them. */
export type Cells = (string | null)[]

export interface CellBlock {
  rows: Cells[]
  byteCount: number
}

/** A connection that gives rows as they come; closing it in the middle ends the statement in the store too. */
export interface RowReader {
  /** At most some thousand rows or a few MiB at a time; nothing is read far ahead of the consumer. */
  rows(statement: Sql): AsyncIterable<CellBlock>
  close(): Promise<void>
}

export interface TableName {
  /** Null: the store's own default. */
  schema: string | null
  name: string
}

export interface TableFacts {
  columns: readonly StoreColumn[]
  /** Unique sets without nullable columns first by primary key. */
  keys: readonly (readonly string[])[]
  rowEstimate: number | null
}

/** A store that has been bound to its settings: nothing is connected yet. */
export interface SqlStore {
  dialect: SqlDialect
  connect(): Promise<SqlSession>
  /** A connection for one read: its statements see one state of the store, where the store can. */
  openReader(): Promise<RowReader>
  /** Null where there is no such table or view. */
  facts(session: SqlSession, table: TableName): Promise<TableFacts | null>
}
