import type { BoundConnector } from '../../../src/connectors/index.ts'

/** One row as every store can hold it; what a store has no type for, it keeps as text. */
export interface SampleRow {
  id: number
  /** `YYYY-MM-DD HH:MM:SS.ffffff`; null: the row has no time. */
  updatedAt: string | null
  name: string | null
}

export interface ExchangeRow {
  id: number
  operation: 'I' | 'U' | 'D'
  batch: number
  time: string
  name: string
}

export interface ConformanceCapabilities {
  /** Rows can be asked for by a cursor, and the cursor's values are compared by the store. */
  cursor: boolean
  /** Rows can be added, changed and taken away by the suite. */
  changes: boolean
  exchange: boolean
  /** The store's side of a connection can be ended from outside. */
  loses: boolean
}

/** A table (file, address …) of the store with the sample's columns `id`, `updated_at`, `name`. */
export interface ConformanceTable {
  connector: BoundConnector
  insert(rows: readonly SampleRow[]): Promise<void>
  /** One statement in the store's own words. */
  run(statement: string): Promise<void>
}

export interface ConformanceExchange {
  connector: BoundConnector
  insert(rows: readonly ExchangeRow[]): Promise<void>
  /** Rows of a statement, values as text. */
  ask(statement: string): Promise<Record<string, string | null>[]>
}

/** A kind of store that the suite runs over. */
export interface ConformanceStore {
  name: string
  /** One line that says why the store cannot be had here; null: it can. */
  missing: string | null
  can: ConformanceCapabilities
  start(): Promise<void>
  stop(): Promise<void>
  /** `key`: with a primary key on id. */
  make(rows: readonly SampleRow[], options?: { key?: boolean }): Promise<ConformanceTable>
  /** An exchange table with a primary key on id and, if asked, the mark column `taken`. */
  makeExchange?(
    rows: readonly ExchangeRow[],
    options: { mark: boolean },
  ): Promise<ConformanceExchange>
  /** Ends every connection that the connector has to the store, as a failing server or network would. */
  loseConnections?(): Promise<void>
  /** How many connections the connector holds. */
  openConnections?(): Promise<number>
  /** How a date with microseconds is shown in a cell. */
  shownTime(text: string): string
}
