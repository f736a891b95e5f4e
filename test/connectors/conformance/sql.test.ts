import { sqlStores } from './stores.ts'
import { promisesOf } from './suite.ts'
import { exchangePromises } from './exchange.ts'

for (const store of sqlStores) {
  promisesOf(store, store.filesDirs)
  exchangePromises(store, store.filesDirs)
}
