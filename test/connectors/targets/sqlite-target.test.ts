import { startSqlite } from './stores.ts'
import { tableTargetSuite } from './table-target-suite.ts'

tableTargetSuite('SQLite', startSqlite)
