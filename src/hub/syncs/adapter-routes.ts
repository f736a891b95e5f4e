import { type Adapter, adapters } from '../../../adapters/index.ts'
import { page } from '../../../schemas/api/common.ts'
import { AdapterView } from '../../../schemas/api/syncs.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import type { Hub } from '../hub.ts'
import { visibleDepartment } from '../identity/permissions.ts'
import { readAdapterSyncs, type SyncOfAdapter } from './views.ts'

export const adapterRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    listAdapters(app, hub)
  }

function listAdapters(app: Api, { database, clock }: Hub): void {
  const schema = {
    operationId: 'listAdapters',
    summary:
      '各部门适配器、其数据源及相关同步的状况 / Departments’ adapters, their sources, and how their syncs are',
    tags: ['syncs'],
    response: { 200: page(AdapterView) },
  }
  app.get('/adapters', { schema }, async ({ caller }) => {
    const department = visibleDepartment(caller, 'syncs.read', undefined)
    const syncs = await readAdapterSyncs(database.pool, { department, now: clock.now() })
    const bySource = Map.groupBy(syncs, ({ adapter, source }) => `${adapter}/${source}`)
    const items = [...adapters.values()].map((adapter) => adapterView(adapter, bySource))
    return { items, next: null }
  })
}

const adapterView = (
  adapter: Adapter,
  bySource: ReadonlyMap<string, readonly SyncOfAdapter[]>,
): AdapterView => ({
  id: adapter.id,
  title: adapter.title,
  titleEn: adapter.titleEn,
  department: adapter.department,
  sources: Object.entries(adapter.sources).map(([source, known]) => ({
    source,
    title: known.title,
    titleEn: known.titleEn,
    standard: known.standard,
    columns: Object.entries(known.columns).map(([name, title]) => ({ name, title })),
    syncs: (bySource.get(`${adapter.id}/${source}`) ?? []).map(({ id, resource, health }) => ({
      id,
      resource,
      health: { state: health.state, reason: health.reason },
    })),
  })),
})
