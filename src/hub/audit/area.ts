import type { Hub } from '../hub.ts'
import { resolveKeys, sequencesOf } from '../records/record-keys.ts'
import type { AuditParts } from './audit-parts.ts'
import { openAuditKeys } from './keys.ts'
import { auditRoutes } from './routes.ts'
import { subjectNames } from './subject-names.ts'

/**
 * What the audit area asks of records and the catalog: whose number a key was, and who provides a resource.
 * Of withdrawn resources too: whoever looked at a record is not forgotten with the service.
 */
const auditParts = ({ database, catalog, keys }: Hub): AuditParts => ({
  database,
  keys: openAuditKeys(keys),
  guomiSigning: keys.guomiSigning,
  resolveKeys: async (resource, key) => {
    const served = await catalog.lastServed(resource)
    return served === null ? [] : resolveKeys(database.pool, served, key)
  },
  namesOf: async (resource, asked) => {
    const served = await catalog.lastServed(resource)
    return served === null ? asked.mergeKeys : subjectNames(database.pool, served, asked)
  },
  sequencesOf: async (resource, mergeKeys) => {
    const served = await catalog.lastServed(resource)
    const found = served === null ? [] : await sequencesOf(database.pool, served, mergeKeys)
    return found.map((seq) => ({ seq }))
  },
  providerOf: async (resource) => (await database.resources.find(resource))?.provider ?? null,
})

export const auditArea = (hub: Hub) => auditRoutes(auditParts(hub))
