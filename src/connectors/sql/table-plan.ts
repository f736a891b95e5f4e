import { Refusal } from '../../shared/refusal.ts'
import { rowMaker, type RowMaker } from './rows.ts'
import type { SqlDialect, StoreColumn, TableFacts } from './dialect.ts'
import { raw, sql, type Sql } from './sql-text.ts'

export interface TableSettings {
  table: string
  columns?: readonly string[] | undefined
  zone?: string | undefined
}

/** What is read of each row, and where in the row's cells its position stands. */
export interface SelectPlan {
  list: Sql
  columnCount: number
  positionAt: readonly number[]
  rowOf: RowMaker
}

/** Columns as the settings name them; stores that fold names are not asked to the letter. */
export function columnsNamed(
  facts: TableFacts,
  names: readonly string[],
  what: string,
): StoreColumn[] {
  const found = names.map((name) => findColumn(facts.columns, name))
  const missing = names.filter((_, at) => !found[at])
  if (missing.length > 0) {
    const list = missing.join(', ')
    throw new Refusal(
      'state-conflict',
      `来源表没有${what}列 ${list},请核对设置 / The source’s table has no column ${list}; check the settings`,
    )
  }
  return found.filter((column) => column !== undefined)
}

function findColumn(columns: readonly StoreColumn[], name: string): StoreColumn | undefined {
  const exact = columns.find((column) => column.name === name)
  if (exact) return exact
  const alike = columns.filter((column) => column.name.toLowerCase() === name.toLowerCase())
  return alike.length === 1 ? alike[0] : undefined
}

/** A position's column that is written like its cell is not asked for twice. */
export function planSelect(
  dialect: SqlDialect,
  chosen: readonly StoreColumn[],
  more: { zone: string | undefined; position: readonly StoreColumn[] },
): SelectPlan {
  const expressions = chosen.map((column) => dialect.cell(column, more.zone))
  const positionAt = more.position.map((column) => {
    const expression = dialect.position(column)
    const at = chosen.findIndex((other, at) => other === column && expressions[at] === expression)
    const isFinished = at !== -1 && dialect.finish?.(column, more.zone) !== undefined
    return at !== -1 && !isFinished ? at : expressions.push(expression) - 1
  })
  const finishes = chosen.map((column) => dialect.finish?.(column, more.zone))
  const list = expressions.map((expression, at) => `${expression} as ${dialect.quote(`c${at}`)}`)
  return {
    list: raw(list.join(', ')),
    columnCount: expressions.length,
    positionAt,
    rowOf: rowMaker(
      chosen.map(({ name }) => name),
      finishes,
    ),
  }
}

export const selectFrom = (
  list: Sql,
  table: string,
  { where, order }: { where: Sql | null; order: string },
): Sql =>
  sql`select ${list} from ${raw(table)}${where ? sql` where ${where}` : raw('')}${raw(order === '' ? '' : ` order by ${order}`)}`
