import { Type } from 'typebox'
import { IdParams, page } from '../../../schemas/api/common.ts'
import {
  type ConnectorKind,
  connectorKinds,
  ConnectorView,
  ProbeAnswer,
  ProbeBody,
} from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import type { Hub } from '../hub.ts'
import { visibleDepartment } from '../identity/permissions.ts'
import { connectorViews } from '../../connectors/index.ts'
import { demandProber, demandSync } from './access.ts'
import { probeStore, type Probing } from './probe-store.ts'
import { openSettings } from './settings-seal.ts'

const tags = ['syncs']

export const probeRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    listConnectors(app)
    probeConnector(app, hub)
    probeSync(app, hub)
  }

function listConnectors(app: Api): void {
  const schema = {
    operationId: 'listConnectors',
    summary: '连接器种类 / Kinds of connectors',
    tags,
    response: { 200: page(ConnectorView) },
  }
  app.get('/connectors', { schema }, async ({ caller }) => {
    visibleDepartment(caller, 'syncs.read', undefined)
    return { items: await connectorViews(), next: null }
  })
}

const probeDescription =
  '逐步探测:解析、连接、登录、权限、取样;失败的一步说明原因和办法,应答一律为 200。' +
  ' / Stage by stage: resolve, connect, sign in, privilege, sample. The stage that fails says why and what to do; the answer is 200 all the same.'

function probeConnector(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'probeConnector',
    summary: '探测连接 / Probe a store',
    description: probeDescription,
    tags,
    params: Type.Object({ kind: Type.String({ maxLength: 63 }) }),
    body: ProbeBody,
    response: { 200: ProbeAnswer },
  }
  app.post('/connectors/:kind/probe', { schema }, async (request, reply) => {
    demandProber(request.caller)
    const kind = knownKind(request.params.kind)
    const { settings } = request.body
    const probed = await probeStore({ kind, settings }, probing(hub))
    await auditCall(request, reply, {
      operation: 'connectors.probe',
      outcome: 'allowed',
      note: { connector: kind, origin: probed.origin, ok: probed.answer.ok },
    })
    return probed.answer
  })
}

function probeSync(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'probeSync',
    summary: '用已保存的设置探测同步任务的连接 / Probe the store of a sync with its kept settings',
    description: probeDescription,
    tags,
    params: IdParams,
    response: { 200: ProbeAnswer },
  }
  app.post('/syncs/:id/probe', { schema }, async (request, reply) => {
    const { id } = request.params
    const found = await hub.database.syncs.find(id)
    const { sync } = demandSync(request.caller, 'syncs.manage', { sync: found, id })
    const settings = openSettings(sync, hub.keys)
    const probed = await probeStore({ kind: sync.connector, settings }, probing(hub))
    await auditCall(request, reply, {
      operation: 'syncs.probe',
      outcome: 'allowed',
      resource: sync.resource,
      note: { sync: id, connector: sync.connector, origin: sync.origin, ok: probed.answer.ok },
    })
    return probed.answer
  })
}

const probing = ({ config }: Hub): Probing => ({ filesDirs: config.filesDirs })

function knownKind(name: string): ConnectorKind {
  const kind = connectorKinds.find((known) => known === name)
  if (kind !== undefined) return kind
  const detail = `没有这种连接器,只有 ${connectorKinds.join('、')} / There is no such connector`
  throw new Refusal('not-found', detail)
}
