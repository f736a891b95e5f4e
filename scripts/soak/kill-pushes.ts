import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, HubRefusal } from '../demo/client.ts'
import type { HubProcess } from './hub-process.ts'

/** What is killed during a push. */
export type Victim = 'hub' | 'postgres'

export interface KillOptions {
  hub: HubProcess
  adminToken: string
  /** One push each; during each push the victim is killed once. */
  victims: readonly Victim[]
  rowCount: number
  /** A number from 0 to 1, for the instants of the kills. */
  random: () => number
  log: (line: string) => void
}

/** What must hold when all is over. */
export interface KillResult {
  /** Kills that struck while a push was under way. */
  struckCount: number
  /** Every run that ended: its counts must add up. */
  runs: { state: string; counts: Record<string, number> }[]
  /** What a follower of all changes holds at the end: key → value. */
  followed: Map<string, string>
  /** What was acknowledged last, for every key. */
  acknowledged: Map<string, string>
  /** Keys that the feed brought more than once with the same change number. */
  doubledCount: number
}

interface World {
  machineToken: string
  followerToken: string
}

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
    {
      name: 'counter',
      title: '编号',
      type: 'text',
      length: 20,
      required: true,
      sensitivity: 'public',
      lookup: true,
    },
    { name: 'value', title: '值', type: 'text', length: 100, sensitivity: 'public' },
  ],
  key: ['counter'],
}

async function prepare(url: string, adminToken: string): Promise<World> {
  const admin = createClient(url, adminToken)
  await admin.post('/v1/departments', { id: 'department', name: '部门', division: '430182' })
  const register = (id: string, kind: string) =>
    admin.post<{ token: string }>('/v1/systems', { id, department: 'department', name: id, kind })
  const { token: machineToken } = await register('machine', 'front-end-machine')
  const { token: followerToken } = await register('follower', 'business-system')
  await admin.post('/v1/resources', resource)
  await admin.post('/v1/resources/counters/transitions', { action: 'publish' })
  const application = await admin.post<{ id: string }>('/v1/applications', {
    resource: 'counters',
    system: 'follower',
    operations: ['changes'],
    fields: ['counter', 'value'],
    purposes: ['SOAK'],
    basis: '故障演练',
    scenario: '故障演练',
    scope: '故障演练',
    method: 'interface',
    validUntil: '2099-12-31',
  })
  await admin.post(`/v1/applications/${application.id}/decisions`, { decision: 'agree' })
  return { machineToken, followerToken }
}

/**
 * Pushes again and again while the hub, or its PostgreSQL, is killed at a random instant of each push;
 * sends the same body with the same key until it is acknowledged; follows the changes at the end.
 */
export async function killPushes(options: KillOptions): Promise<KillResult> {
  const { hub, victims, log } = options
  await hub.start()
  const world = await prepare(hub.url, options.adminToken)
  const acknowledged = new Map<string, string>()
  let struckCount = 0
  for (const [round, victim] of victims.entries()) {
    const struck = await pushUnderFire(options, world, { round, victim })
    if (struck) struckCount += 1
    // Every second key is new in each round, so that rows are inserted as well as updated.
    for (const [key, value] of rowsOf(round, options.rowCount)) acknowledged.set(key, value)
    log(
      `  ${round + 1}/${victims.length} ${victim}: ${struck ? 'killed midway' : 'killed when done'}, acknowledged`,
    )
  }
  const { followed, doubledCount } = await followAll(hub.url, world.followerToken)
  const runs = await allRuns(hub.url, options.adminToken)
  return { struckCount, runs, followed, acknowledged, doubledCount }
}

function* rowsOf(round: number, rowCount: number): Generator<[string, string]> {
  for (let index = 0; index < rowCount; index += 1) {
    const key = index % 2 === 0 ? `shared-${index}` : `round-${round}-${index}`
    yield [key, `value ${round} of ${index} ${'填充'.repeat(20)}`]
  }
}

const bodyOf = (round: number, rowCount: number): string =>
  [...rowsOf(round, rowCount)]
    .map(([counter, value]) => JSON.stringify({ counter, value }))
    .join('\n')

/** Whether the victim was killed before the first answer came. */
async function pushUnderFire(
  { hub, rowCount, random }: KillOptions,
  world: World,
  { round, victim }: { round: number; victim: Victim },
): Promise<boolean> {
  const body = bodyOf(round, rowCount)
  let isAnswered = false
  const first = push(hub.url, world, round, body).finally(() => {
    isAnswered = true
  })
  first.catch(() => undefined)
  await sleep(20 + random() * longestMs(rowCount))
  const struck = !isAnswered
  if (victim === 'hub') {
    await hub.kill()
    await first.catch(() => undefined)
    await hub.start()
  } else {
    hub.killPostgres()
    await first.catch(() => undefined)
  }
  await untilAcknowledged(() => push(hub.url, world, round, body))
  return struck
}

/** About as long as a push of so many rows takes on a slow machine. */
const longestMs = (rowCount: number): number => rowCount / 50

async function push(url: string, world: World, round: number, body: string): Promise<void> {
  const answer = await fetch(`${url}/v1/resources/counters/batches`, {
    method: 'POST',
    body,
    headers: {
      authorization: `Bearer ${world.machineToken}`,
      'content-type': 'application/x-ndjson',
      'idempotency-key': `round-${round}`,
    },
  })
  const content = (await answer.json()) as { status: number; code: string; detail: string }
  if (!answer.ok) throw new HubRefusal(content)
}

const attemptsMax = 300

/** A run whose process died may be taken up again once its lease has ended: 15 s. */
async function untilAcknowledged(attempt: () => Promise<void>): Promise<void> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt()
    } catch (error) {
      const isPassing =
        !(error instanceof HubRefusal) || error.status >= 500 || error.status === 409
      if (!isPassing || count === attemptsMax) throw error
    }
    await sleep(300)
  }
}

interface ChangesPage {
  items: { seq: number; op: 'upsert' | 'delete'; record?: { counter: string; value: string } }[]
  next: string
}

async function followAll(
  url: string,
  token: string,
): Promise<Pick<KillResult, 'followed' | 'doubledCount'>> {
  const client = createClient(url, token)
  const followed = new Map<string, string>()
  const seen = new Set<number>()
  let doubledCount = 0
  for (let cursor = ''; ;) {
    const after = cursor === '' ? '' : `&after=${encodeURIComponent(cursor)}`
    const page = await client.get<ChangesPage>(
      `/v1/resources/counters/changes?limit=1000${after}`,
      { 'x-purpose': 'SOAK' },
    )
    if (page.items.length === 0) return { followed, doubledCount }
    for (const { seq, record } of page.items) {
      if (seen.has(seq)) doubledCount += 1
      seen.add(seq)
      if (record) followed.set(record.counter, record.value)
    }
    cursor = page.next
  }
}

async function allRuns(url: string, adminToken: string): Promise<KillResult['runs']> {
  const { items } = await createClient(url, adminToken).get<{ items: KillResult['runs'] }>(
    '/v1/runs?limit=1000',
  )
  return items
}
