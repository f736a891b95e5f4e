import type { Knex } from 'knex'
import { mountStore } from '../catalog/mount-store.ts'
import { resourceStore } from '../catalog/resource-store.ts'
import { departmentStore } from '../identity/department-store.ts'
import { settingsStore } from '../identity/settings-store.ts'
import { staffStore } from '../identity/staff-store.ts'
import { systemStore } from '../identity/system-store.ts'
import { tokenStore } from '../identity/token-store.ts'
import { applicationStore } from '../sharing/application-store.ts'
import { grantStore } from '../sharing/grant-store.ts'
import { syncStore } from '../syncs/sync-store.ts'
import type { Database } from './connect.ts'
import { changeChannel } from './listen.ts'

/** All stores over one connection or one transaction: a store can never be on the wrong one. */
export const openStores = (db: Knex) => ({
  departments: departmentStore(db),
  systems: systemStore(db),
  staff: staffStore(db),
  tokens: tokenStore(db),
  settings: settingsStore(db),
  resources: resourceStore(db),
  mounts: mountStore(db),
  applications: applicationStore(db),
  grants: grantStore(db),
  syncs: syncStore(db),
  /** Tells every process, once the transaction commits, that what it remembers may be out of date. */
  announceChange: async (what: string): Promise<void> => {
    await db.raw('select pg_notify(?, ?)', [changeChannel, what])
  },
})

export type Stores = ReturnType<typeof openStores>

/** The pools, every store, and transactions over all of them. */
export interface HubDatabase extends Database, Stores {
  /** Everything that `work` writes is committed together, or nothing when it throws. */
  atomically<T>(work: (stores: Stores, transaction: Knex.Transaction) => Promise<T>): Promise<T>
}

export const withStores = (database: Database): HubDatabase => ({
  ...database,
  ...openStores(database.knex),
  atomically: (work) => database.knex.transaction((tx) => work(openStores(tx), tx)),
})
