import type { Knex } from 'knex'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/connect.ts'
import type { Log } from '../database/log.ts'
import type { Changes } from '../http/changes.ts'
import { createIndexBuilder, type IndexBuilder } from './build-indexes.ts'
import type { AdapterMappings } from './mount-mapping.ts'
import { type ServedResources, servedResources } from './served-resources.ts'

/** What the catalog asks of other areas; absent, there is nothing of theirs. */
export interface CatalogNeeds {
  adapters?: AdapterMappings | undefined
  /** Whether somebody still has a live grant on the resource, asked inside the withdrawing transaction. */
  hasLiveGrants?: ((db: Knex, resource: string) => Promise<boolean>) | undefined
}

export interface Catalog
  extends
    ServedResources,
    Required<{ [Need in keyof CatalogNeeds]: NonNullable<CatalogNeeds[Need]> }> {
  indexes: IndexBuilder
}

export interface CatalogParts extends CatalogNeeds {
  database: Database
  clock: Clock
  changes: Changes
  log: Log
}

const announcedResource = /^resource:(.+)$/

/** The catalog of this process: what is served, kept fresh by notifications, and its index builder. */
export function openCatalog(parts: CatalogParts): Catalog {
  const { database, clock, changes, log } = parts
  const adapters = parts.adapters ?? { mapping: () => null }
  const served = servedResources({ pool: database.pool, adapters, nowMs: clock.nowMs })
  changes.subscribe((what) => {
    const id = announcedResource.exec(what)?.[1]
    if (id !== undefined) served.clear(id)
    else if (what === 'everything') served.clear()
  })
  return {
    ...served,
    adapters,
    hasLiveGrants: parts.hasLiveGrants ?? (() => Promise.resolve(false)),
    indexes: createIndexBuilder(database, log),
  }
}
