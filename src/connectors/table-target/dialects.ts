/** The stores that have a table target; one file each says what their SQL says differently. */
export { mysqlTarget } from './mysql-dialect.ts'
export { postgresTarget } from './postgres-dialect.ts'
export { sqliteTarget } from './sqlite-dialect.ts'
