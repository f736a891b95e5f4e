import { IdParams, page } from '../../../schemas/api/common.ts'
import { PauseBody, Sync, SyncChange, SyncDraft, SyncQuery } from '../../../schemas/api/syncs.ts'
import type { Api, ApiReply, ApiRequest, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import type { Hub } from '../hub.ts'
import { visibleDepartment } from '../identity/permissions.ts'
import { demandSync, seeSync, unknownSync } from './access.ts'
import { changeSync } from './change-sync.ts'
import { defineSync, scheduleColumns } from './define-sync.ts'
import type { Standing } from './health.ts'
import type { SyncRow } from './sync-rows.ts'
import type { SyncFilter } from './sync-store.ts'
import { readStandings, syncView } from './views.ts'

const tags = ['syncs']

export const syncRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    createSync(app, hub)
    listSyncs(app, hub)
    getSync(app, hub)
    putSync(app, hub)
    pauseSync(app, hub)
    resumeSync(app, hub)
  }

function createSync(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'createSync',
    summary: '新建同步任务:拉取或下发 / Define a sync: a pull or a delivery',
    description:
      '连接设置中的密钥加密保存,不再给出,一律显示为 `***`;不给出 source 的拉取使用资源挂载中的连接。连接是否可用请用探测。' +
      ' / Secrets in settings are kept sealed and shown as `***`. A pull without a source uses the mount’s store. Nothing is connected to: that is what a probe is for.',
    tags,
    body: SyncDraft,
    response: { 201: Sync },
  }
  app.post('/syncs', { schema }, async (request, reply) => {
    const { caller, body } = request
    const sync = await hub.database.atomically(async (stores) => {
      const defined = await defineSync({ hub, stores, caller }, body)
      await auditSync(request, reply, { operation: 'syncs.create', sync: defined })
      return defined
    })
    return reply
      .code(201)
      .header('location', `/v1/syncs/${sync.id}`)
      .send(await answer(hub, sync))
  })
}

/** Nothing of the settings is noted: an entry is read by others than whoever may see them. */
const auditSync = (
  request: ApiRequest,
  reply: ApiReply,
  { operation, sync, more }: { operation: string; sync: SyncRow; more?: Record<string, unknown> },
) =>
  auditCall(request, reply, {
    operation,
    outcome: 'allowed',
    resource: sync.resource,
    ...(sync.grantId !== null && { grantIds: [sync.grantId] }),
    note: {
      sync: sync.id,
      version: sync.version,
      direction: sync.direction,
      connector: sync.connector,
      origin: sync.origin,
      mode: sync.mode,
      ...more,
    },
  })

const never: Standing = {
  lastRun: null,
  openRun: null,
  lastSeq: 0,
  updateCycle: null,
  checkpoint: null,
}

async function answers({ database, clock }: Hub, syncs: readonly SyncRow[]): Promise<Sync[]> {
  const ids = syncs.map(({ id }) => id)
  const standings = await readStandings(database.pool, ids)
  return syncs.map((sync) => syncView(sync, standings.get(sync.id) ?? never, clock.now()))
}

async function answer(hub: Hub, sync: SyncRow): Promise<Sync> {
  const [view] = await answers(hub, [sync])
  if (!view) throw new Error('A sync has no view')
  return view
}

function listSyncs(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'listSyncs',
    summary: '同步任务及其健康状况 / Syncs and how they are',
    tags,
    querystring: SyncQuery,
    response: { 200: page(Sync) },
  }
  app.get('/syncs', { schema }, async ({ caller, query }) => {
    const department = visibleDepartment(caller, 'syncs.read', query.department)
    const { limit, after } = readPage(query)
    const found: Sync[] = []
    const scan = { ...query, department, after, atOnce: query.health ? scannedAtOnce : limit + 1 }
    for await (const syncs of pagesOf(hub, scan)) {
      const views = await answers(hub, syncs)
      found.push(...views.filter(({ health }) => !query.health || health.state === query.health))
      if (found.length > limit) break
    }
    return toPage(found, limit, ({ id }) => [id])
  })
}

const scannedAtOnce = 200

interface Scan extends SyncFilter {
  after: string | null
  atOnce: number
}

/** Health is judged here and not in SQL, so a list by health looks at every sync behind `after`. */
async function* pagesOf({ database }: Hub, scan: Scan): AsyncGenerator<SyncRow[]> {
  let { after } = scan
  for (;;) {
    const rows = await database.syncs.list({ limit: scan.atOnce, after }, scan)
    const items = rows.slice(0, scan.atOnce)
    yield items
    const last = items.at(-1)
    if (rows.length <= scan.atOnce || !last) return
    after = last.id
  }
}

function getSync(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'getSync',
    summary: '一个同步任务 / One sync',
    tags,
    params: IdParams,
    response: { 200: Sync },
  }
  app.get('/syncs/:id', { schema }, async ({ caller, params: { id } }) =>
    answer(hub, seeSync(caller, await hub.database.syncs.find(id), id)),
  )
}

function putSync(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'changeSync',
    summary: '修改同步任务 / Change a sync',
    description:
      '未给出的项不变;设置中未给出或为 `***` 的密钥沿用原值,但连接目标改变时须重新填写。' +
      ' / What is not named stays. Secrets that are left out or `***` stay, unless the settings lead to another store.',
    tags,
    params: IdParams,
    body: SyncChange,
    response: { 200: Sync },
  }
  app.put('/syncs/:id', { schema }, async (request, reply) => {
    const { caller, body, params } = request
    const sync = await hub.database.atomically(async (stores) => {
      const changed = await changeSync({ hub, stores, caller }, params.id, body)
      const more = { changed: Object.keys(body) }
      await auditSync(request, reply, { operation: 'syncs.change', sync: changed, more })
      return changed
    })
    return answer(hub, sync)
  })
}

function pauseSync(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'pauseSync',
    summary: '暂停同步任务 / Pause a sync',
    description:
      '不再开始新的运行,进行中的运行照常结束 / No run begins any more; one that is under way ends as usual.',
    tags,
    params: IdParams,
    body: PauseBody,
    response: { 200: Sync },
  }
  app.post('/syncs/:id/pause', { schema }, async (request, reply) => {
    const { id } = request.params
    const sync = await hub.database.atomically(async (stores) => {
      const found = await stores.syncs.lock(id)
      demandSync(request.caller, 'syncs.manage', { sync: found, id })
      const paused = await stores.syncs.pause(id, request.body.reason ?? null)
      if (!paused) throw unknownSync(id)
      await stores.announceChange(`sync:${id}`)
      const more = { reason: request.body.reason ?? null }
      await auditSync(request, reply, { operation: 'syncs.pause', sync: paused, more })
      return paused
    })
    return answer(hub, sync)
  })
}

function resumeSync(app: Api, hub: Hub): void {
  const schema = {
    operationId: 'resumeSync',
    summary: '恢复同步任务 / Resume a sync',
    description:
      '同时认可来源现有的列结构 / The columns that the source has now are accepted with it.',
    tags,
    params: IdParams,
    response: { 200: Sync },
  }
  app.post('/syncs/:id/resume', { schema }, async (request, reply) => {
    const { id } = request.params
    const sync = await hub.database.atomically(async (stores) => {
      const found = await stores.syncs.lock(id)
      const { sync: before } = demandSync(request.caller, 'syncs.manage', { sync: found, id })
      const resumed = await stores.syncs.resume(id, dueAgain(before, hub.clock.now()))
      if (!resumed) throw unknownSync(id)
      await stores.announceChange(`sync:${id}`)
      const more = { pausedFor: before.pausedFor }
      await auditSync(request, reply, { operation: 'syncs.resume', sync: resumed, more })
      return resumed
    })
    return answer(hub, sync)
  })
}

/** Times that passed while it was paused are not made up for. */
const dueAgain = ({ cron, timezone }: SyncRow, now: Date): string | null =>
  scheduleColumns(cron === null ? null : { cron, ...(timezone !== null && { timezone }) }, now)
    .nextDueAt
