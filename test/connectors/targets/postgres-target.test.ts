import { startPostgres } from './stores.ts'
import { tableTargetSuite } from './table-target-suite.ts'

tableTargetSuite('PostgreSQL', startPostgres)
