import { IdParams } from '../../../schemas/api/common.ts'
import { MountDraft, ResourceMount } from '../../../schemas/api/mounts.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import type { Caller } from '../identity/caller.ts'
import { demand } from '../identity/permissions.ts'
import { mountResource } from './mount-resource.ts'
import type { MountRow } from './mount-store.ts'
import { see } from './visibility.ts'

const tags = ['catalog']

export const mountRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    putMount(app, hub)
    getMount(app, hub)
  }

function putMount(app: Api, { database, catalog }: Hub): void {
  const schema = {
    operationId: 'mountResource',
    summary: '挂载资源 / Bind a resource to its source',
    description:
      '通过适配器 `{adapter, source}`,或仅供推送的映射 `{mapping}`;映射在保存时编译,所有问题一次列出 / Through an adapter, or with a mapping for what is pushed; a mapping is compiled when it is saved.',
    tags,
    params: IdParams,
    body: MountDraft,
    response: { 200: ResourceMount },
  }
  app.put('/resources/:id/mount', { schema }, async (request, reply) => {
    const { caller, params, body } = request
    const { adapters } = catalog
    const mounted = await database.atomically(async (stores) => {
      const row = await mountResource({ stores, adapters, caller }, params.id, body)
      const { adapter, source } = body
      const note = { mountVersion: row.version, ...(adapter !== undefined && { adapter, source }) }
      const about = { resource: params.id, note }
      await auditCall(request, reply, {
        operation: 'resources.mount',
        outcome: 'allowed',
        ...about,
      })
      return row
    })
    catalog.clear(params.id)
    return toMount(mounted)
  })
}

function getMount(app: Api, { database }: Hub): void {
  const schema = {
    operationId: 'getMount',
    summary: '资源的挂载 / How a resource is fed',
    tags,
    params: IdParams,
    response: { 200: ResourceMount },
  }
  app.get('/resources/:id/mount', { schema }, async ({ caller, params }) => {
    const { row } = await see(database.resources, caller, params.id)
    demandMountReader(caller, row.provider)
    const mount = await database.mounts.find(params.id)
    if (mount) return toMount(mount)
    throw new Refusal('not-found', `资源 ${params.id} 尚未挂载 / The resource is not mounted`)
  })
}

/** A provider's machine reads it to try rows out before it sends them; other machines learn no columns. */
function demandMountReader(caller: Caller | null, provider: string): void {
  if (caller?.kind === 'system' && caller.department === provider) return
  demand(caller, 'resources.see-drafts', provider)
}

const toMount = ({ resource, mount, version, ...row }: MountRow) => ({
  resource,
  ...mount,
  version,
  updatedBy: row.updated_by,
  updatedAt: row.updated_at,
})
