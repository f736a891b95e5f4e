import { describe } from 'vitest'
import { mariadbMissing, startMariadb } from '../../support/servers/mariadb.ts'
import { mysqlStore, type TargetStore } from './stores.ts'
import { tableTargetSuite } from './table-target-suite.ts'

const missing = mariadbMissing()

const start = async (): Promise<TargetStore> => {
  const { url, stop } = await startMariadb()
  return mysqlStore(url, stop)
}

describe.skipIf(missing !== null)(missing ?? 'MySQL', () => {
  tableTargetSuite('MariaDB', start)
})
