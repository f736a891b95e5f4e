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

function putMount(app: Api, { database, catalog, keys, config }: Hub): void {
  const schema = {
    operationId: 'mountResource',
    summary: '挂载资源 / Bind a resource to its source',
    description:
      '通过适配器 `{adapter, source}` 或映射 `{mapping}`;拉取时另给 `{connector, settings}`,其中密钥加密保存、显示为 `***`,未给出的密钥保持不变。映射在保存时编译,所有问题一次列出 / Through an adapter or a mapping; `{connector, settings}` say where it is pulled from. Secrets are kept sealed, shown as `***`, and stay when they are left out. A mapping is compiled when it is saved.',
    tags,
    params: IdParams,
    body: MountDraft,
    response: { 200: ResourceMount },
  }
  app.put('/resources/:id/mount', { schema }, async (request, reply) => {
    const { caller, params, body } = request
    const { adapters } = catalog
    const mounted = await database.atomically(async (stores) => {
      const mounting = { stores, adapters, keys, filesDirs: config.filesDirs, caller }
      const row = await mountResource(mounting, params.id, body)
      const { adapter, source, connector } = body
      const note = {
        mountVersion: row.version,
        ...(adapter !== undefined && { adapter, source }),
        ...(connector !== undefined && { connector }),
      }
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

/** Settings are kept with `***` for each secret, and so they are shown. */
const toMount = ({ resource, mount, version, ...row }: MountRow) => ({
  resource,
  ...mount,
  version,
  updatedBy: row.updated_by,
  updatedAt: row.updated_at,
})
