import { createClient } from '../demo/client.ts'

/** Where the department's table lies, and where the subscriber wants the records. */
export interface SyncStores {
  /** As the hub reaches it: through the proxy. */
  sourceUrl: string
  targetUrl: string
}

const field = (name: string, more: object) => ({
  name,
  title: name,
  sensitivity: 'public',
  ...more,
})

const resource = {
  id: 'counters',
  title: '计数',
  provider: 'department',
  abstract: '用于故障演练',
  category: { class: '3', item: '07', topic: '001', detail: '' },
  format: { class: 'database', type: 'PostgreSQL' },
  share: { type: 'unconditional' },
  grade: 'general-1',
  open: { open: false },
  updateCycle: 'realtime',
  fields: [
    field('counter', { type: 'text', length: 20, required: true, lookup: true }),
    field('value', { type: 'text', length: 100 }),
    field('amount', { type: 'decimal', length: 24, precision: 4 }),
  ],
  key: ['counter'],
}

const mapping = {
  fields: {
    counter: { from: 'id', steps: ['trim'] },
    value: { from: 'value' },
    amount: { from: 'amount', steps: ['number'] },
  },
  ignore: ['updated_at'],
}

const everyThreeSeconds = { cron: '*/3 * * * * *', timezone: 'Asia/Shanghai' }

/** Resource, grant, a pull every three seconds and a delivery every three seconds. */
export async function prepareSyncs(
  url: string,
  adminToken: string,
  stores: SyncStores,
): Promise<void> {
  const admin = createClient(url, adminToken)
  await admin.post('/v1/departments', { id: 'department', name: '部门', division: '430182' })
  const subscriber = { id: 'subscriber', department: 'department', name: '订阅方' }
  await admin.post('/v1/systems', { ...subscriber, kind: 'business-system' })
  await admin.post('/v1/resources', resource)
  await admin.put('/v1/resources/counters/mount', { mapping })
  await admin.post('/v1/resources/counters/transitions', { action: 'publish' })
  const grant = await applyAndAgree(url, adminToken)
  await admin.post('/v1/syncs', {
    id: 'counters-in',
    resource: 'counters',
    direction: 'pull',
    source: { connector: 'postgres', settings: { url: stores.sourceUrl, table: 'counters' } },
    mode: 'incremental',
    cursor: ['updated_at', 'id'],
    overlap: '30s',
    schedule: everyThreeSeconds,
    limits: { noProgressSeconds: 10 },
  })
  await admin.post('/v1/syncs', {
    id: 'counters-out',
    resource: 'counters',
    direction: 'deliver',
    target: { connector: 'postgres', settings: { url: stores.targetUrl, table: 'received' } },
    mode: 'incremental',
    grant,
    context: { purpose: 'SOAK', operator: '演练' },
    schedule: everyThreeSeconds,
  })
}

async function applyAndAgree(url: string, adminToken: string): Promise<string> {
  const admin = createClient(url, adminToken)
  const application = await admin.post<{ id: string }>('/v1/applications', {
    resource: 'counters',
    system: 'subscriber',
    operations: ['deliver'],
    fields: ['counter', 'value', 'amount'],
    purposes: ['SOAK'],
    basis: '故障演练',
    scenario: '故障演练',
    scope: '故障演练',
    method: 'database',
    validUntil: '2099-12-31',
  })
  const { grant } = await admin.post<{ grant: { id: string } }>(
    `/v1/applications/${application.id}/decisions`,
    { decision: 'agree' },
  )
  return grant.id
}
