import type { TargetColumn } from '../contract.ts'
import type { SqlSession } from '../sql/session.ts'

/** A column as the target's table has it, the hub's own (`_key`, `_seq`, …) among them. */
export interface TableColumn extends TargetColumn {
  isRequired: boolean
}

export interface TableName {
  schema: string
  name: string
}

export interface TablePlan {
  table: TableName
  columns: readonly TableColumn[]
  primaryKey: readonly string[]
}

/** A value on its way to the store: text that the store's SQL turns into its type, exactly. */
export type Cell = string | null

export interface ExistingColumn {
  name: string
  /** In lower case, without lengths: `character varying`. */
  type: string
  /** For people: `varchar(20) utf8mb4_general_ci`. */
  inWords: string
  /** Code points; null: unlimited. */
  length: number | null
  precision: number | null
  scale: number | null
  /** Null where the store has none, or none that matters. */
  collation: string | null
  isRequired: boolean
  /** The store fills it when a row comes without it. */
  isFilled: boolean
}

export interface ExistingTable {
  columns: readonly ExistingColumn[]
  /** Sets of columns that are unique together, the primary key among them. */
  uniqueKeys: readonly (readonly string[])[]
}

export interface Removal {
  key: string
  seq: number
}

/**
 * What the three SQL stores say differently. Every statement takes thousands of rows at once; every value
 * is bound, every name quoted.
 */
export interface TargetDialect {
  quote(name: string): string
  /** The mark of the n-th parameter, from 1. */
  parameter(position: number): string
  /** Settings without which the store would cut or bend values in silence. */
  settle(session: SqlSession): Promise<void>
  /** The schema of a table that is named without one. */
  defaultSchema(session: SqlSession): Promise<string>
  create(session: SqlSession, plan: TablePlan): Promise<void>
  /** Null where there is no such table. */
  describe(session: SqlSession, table: TableName): Promise<ExistingTable | null>
  fits(column: TableColumn, existing: ExistingColumn): boolean
  /** Of a value that is neither null nor an object, in the store's own writing. */
  textOf(value: string | number | bigint | boolean, column: TableColumn): string
  insert(session: SqlSession, plan: TablePlan, rows: readonly Cell[][]): Promise<void>
  /** By `_key`, where the stored row is of an older generation or not newer. */
  upsert(session: SqlSession, plan: TablePlan, rows: readonly Cell[][]): Promise<void>
  remove(
    session: SqlSession,
    table: TableName,
    removals: readonly Removal[],
    generation: number,
  ): Promise<void>
  /** Statements that lock one row of a table until the transaction ends, the last one reading it. */
  lock(session: SqlSession, lock: RowLock): Promise<Record<string, string | null>[]>
}

export interface RowLock {
  table: TableName
  column: string
  value: string
  columns: readonly string[]
}

export const quotedName = (dialect: TargetDialect, table: TableName): string =>
  `${dialect.quote(table.schema)}.${dialect.quote(table.name)}`

export const quotedList = (dialect: TargetDialect, names: readonly string[]): string =>
  names.map((name) => dialect.quote(name)).join(', ')

/** `create table if not exists`, with the columns' definitions as the dialect writes them. */
export const createText = (
  dialect: TargetDialect,
  plan: TablePlan,
  define: (column: TableColumn) => string,
): string =>
  `create table if not exists ${quotedName(dialect, plan.table)} (
    ${plan.columns.map((column) => `${dialect.quote(column.name)} ${define(column)}`).join(',\n    ')},
    primary key (${quotedList(dialect, plan.primaryKey)})
  )`

/** Columns that make up each unique key, from rows of (key, column) in the key's order. */
export function keysOf(rows: readonly { key: string; name: string }[]): string[][] {
  const keys = new Map<string, string[]>()
  for (const { key, name } of rows) keys.set(key, [...(keys.get(key) ?? []), name])
  return [...keys.values()]
}

export const numberOrNull = (text: unknown): number | null => (text == null ? null : Number(text))

/** Slices of at most so many rows. */
export function* slices<Item>(items: readonly Item[], countMax: number): Generator<Item[]> {
  for (let start = 0; start < items.length; start += countMax)
    yield items.slice(start, start + countMax)
}
