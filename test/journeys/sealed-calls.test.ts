import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../scripts/demo/client.ts'
import { type HubProcess, hubProcess } from '../../scripts/soak/hub-process.ts'
import { seeded } from '../../scripts/soak/seeded.ts'
import {
  type Checkpoint,
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  TreeRoot,
  verifyConsistency,
} from '../../src/shared/proofs.ts'
import { connectClient } from '../../src/hub/database/clients.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const adminToken = 'sq_journey-administrator'
const random = seeded(11)
const kills = 10
const callsMax = 200
const connections = 64

let own: TestDatabase
let home: string
let hub: HubProcess
let sealer: HubProcess
let desk: string

beforeAll(async () => {
  own = await createTestDatabase()
  home = mkdtempSync(join(tmpdir(), 'shuqiao-sealed-'))
  const start = async (name: string, roles: string): Promise<HubProcess> => {
    const process = await hubProcess(join(home, name), adminToken, {
      SHUQIAO_ROLES: roles,
      SHUQIAO_DATABASE_URL: own.urls.app,
      SHUQIAO_MIGRATION_URL: own.urls.owner,
      SHUQIAO_SEALER_URL: own.urls.sealer,
      SHUQIAO_KEYS_DIR: join(home, 'keys'),
    })
    await process.start()
    return process
  }
  hub = await start('hub', 'api')
  sealer = await start('sealer', 'sealer')
  desk = await prepare()
})

afterAll(async () => {
  await Promise.all([hub.stop(), sealer.stop()])
  await own.drop()
  rmSync(home, { recursive: true, force: true })
})

const resource = {
  id: 'counters',
  title: '计数',
  provider: 'department',
  abstract: '用于密封演练',
  category: { class: '3', item: '07', topic: '001', detail: '' },
  format: { class: 'database', type: 'PostgreSQL' },
  share: { type: 'conditional', scope: '演练', use: '演练' },
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
    {
      name: 'owner',
      title: '姓名',
      type: 'text',
      length: 50,
      sensitivity: 'personal',
      mask: 'none',
    },
  ],
  key: ['counter'],
}

/** A resource with personal data, and a desk with a grant for it; answers the desk's token. */
async function prepare(): Promise<string> {
  const admin = createClient(hub.url, adminToken)
  await admin.post('/v1/departments', { id: 'department', name: '部门', division: '430182' })
  const register = (id: string, kind: string) =>
    admin.post<{ token: string }>('/v1/systems', { id, department: 'department', name: id, kind })
  const machine = await register('machine', 'front-end-machine')
  const { token } = await register('desk', 'business-system')
  await admin.post('/v1/resources', resource)
  await admin.post('/v1/resources/counters/transitions', { action: 'publish' })
  const rows = Array.from({ length: 50 }, (_, at) => ({ counter: `c${at}`, owner: `某人 ${at}` }))
  await createClient(hub.url, machine.token).post('/v1/resources/counters/batches', rows)
  const application = await admin.post<{ id: string }>('/v1/applications', {
    resource: 'counters',
    system: 'desk',
    operations: ['read'],
    fields: ['counter', 'owner'],
    purposes: ['SEAL'],
    basis: '密封演练',
    scenario: '密封演练',
    scope: '密封演练',
    method: 'interface',
    validUntil: '2099-12-31',
  })
  await admin.post(`/v1/applications/${application.id}/decisions`, { decision: 'agree' })
  return token
}

/** What a call asks, and what it must be told. */
const kinds = [
  { body: { key: 'c1' }, purpose: 'SEAL', status: 200, outcome: 'allowed' },
  { body: { key: 'nobody' }, purpose: 'SEAL', status: 404, outcome: 'absent' },
  { body: { key: 'c2' }, purpose: 'OTHER', status: 403, outcome: 'denied' },
  { body: { kay: 'c3' }, purpose: 'SEAL', status: 400, outcome: 'failed' },
] as const

interface Answered {
  id: string
  leaf: string
  outcome: string
}

const ask = (purpose: string, body: object): Promise<Response> =>
  fetch(`${hub.url}/v1/resources/counters/records/read`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${desk}`,
      'content-type': 'application/json',
      'x-purpose': purpose,
      'x-operator': 'operator',
    },
    body: JSON.stringify(body),
  })

async function callOnce(at: number): Promise<Answered> {
  const kind = kinds[at % kinds.length] ?? kinds[0]
  const answer = await ask(kind.purpose, kind.body)
  await answer.text()
  expect([kind.body, answer.status]).toEqual([kind.body, kind.status])
  const { headers } = answer
  const [id, leaf] = [headers.get('x-audit-id') ?? '', headers.get('x-audit-leaf') ?? '']
  return { id, leaf, outcome: kind.outcome }
}

/** So many calls, over 64 connections at a time. */
async function callMany(count: number): Promise<Answered[]> {
  const answered: Answered[] = []
  let next = 0
  const line = async (): Promise<void> => {
    // Calls come all the while, so that the blow falls among them.
    for (let at = next++; at < count; at = next++) {
      await sleep(random() * 200)
      answered.push(await callOnce(at))
    }
  }
  await Promise.all(Array.from({ length: connections }, line))
  return answered
}

/** Kills the sealer somewhere within the round, and starts it again. */
async function strike(): Promise<void> {
  await sleep(random() * 600)
  await sealer.kill()
  await sealer.start()
}

async function untilSealed(): Promise<void> {
  for (;;) {
    const { rows } = await own.database.pool.query<{ waits: boolean }>(
      `select exists (select from audit.pending) or (select size from audit.tree)
         > (select coalesce(max(size), -1) from audit.checkpoints) as waits`,
    )
    if (rows[0]?.waits === false) return
    await sleep(20)
  }
}

/** Every checkpoint there is, opened with the hub's key. */
async function openCheckpoints(): Promise<Checkpoint[]> {
  const { verifierKey } = (await (await fetch(`${hub.url}/v1/audit/key`)).json()) as {
    verifierKey: string
  }
  const key = parseVerifierKey(verifierKey)
  if (key === null) throw new Error(verifierKey)
  const { rows } = await own.database.pool.query<{ note: string }>(
    'select note from audit.checkpoints order by size',
  )
  return rows.map(({ note }) => {
    const checked = openCheckpoint(note, [key])
    if (!checked.isValid) throw new Error(checked.why)
    return checked.checkpoint
  })
}

async function demandConsistent(older: Checkpoint, newer: Checkpoint): Promise<void> {
  const answer = await createClient(hub.url, desk).get<{ hashes: string[] }>(
    `/v1/audit/proofs/consistency?from=${older.size}&to=${newer.size}`,
  )
  const hashes = answer.hashes.map((hash) => Buffer.from(hash, 'base64'))
  const [from, to] = [older.size, newer.size]
  const proof = { from, to, fromRoot: older.root, toRoot: newer.root, hashes }
  expect([from, to, verifyConsistency(proof)]).toEqual([from, to, true])
}

describe('2,000 calls while the sealer is killed ten times', () => {
  const answered: Answered[] = []

  beforeAll(async () => {
    for (let round = 0; round < kills; round += 1) {
      const [calls] = await Promise.all([callMany(callsMax), strike()])
      answered.push(...calls)
    }
    await untilSealed()
  }, 300_000)

  test('every answered call has its entry, of the leaf that the caller was told', async () => {
    expect(answered).toHaveLength(kills * callsMax)
    const { rows } = await own.database.pool.query<{ id: string; leaf: string; outcome: string }>(
      `select id, encode(leaf_hash, 'hex') as leaf, outcome from audit.entries join audit.search using (id)
       where id = any ($1::uuid[])`,
      [answered.map(({ id }) => id)],
    )
    const logged = new Map(rows.map((row) => [row.id, row]))
    expect(logged.size).toBe(answered.length)
    for (const { id, leaf, outcome } of answered) {
      expect(logged.get(id)).toEqual({ id, leaf, outcome })
    }
  })

  test('every entry is sealed, and no position is given twice or left out', async () => {
    const { rows } = await own.database.pool.query(
      `select (select count(*) from audit.entries)::int as entries, count(*)::int as leaves,
         count(distinct entry)::int as distinct_entries, max(position)::int + 1 as positions,
         (select size::int from audit.tree) as size, (select count(*)::int from audit.pending) as pending
       from audit.leaves`,
    )
    const { entries, pending, ...counts } = rows[0]
    expect(entries).toBeGreaterThan(answered.length)
    expect(pending).toBe(0)
    expect(new Set(Object.values(counts))).toEqual(new Set([entries]))
  })

  test('every checkpoint is that of the entries, and consistent with all before it', async () => {
    const checkpoints = await openCheckpoints()
    expect(checkpoints.length).toBeGreaterThan(kills)
    const { rows } = await own.database.pool.query<{ bytes: Buffer }>(
      `select leaf_bytes as bytes from audit.leaves join audit.entries on id = entry order by position`,
    )
    const tree = new TreeRoot()
    const left = [...checkpoints]
    const check = (): void => {
      while (left[0]?.size === tree.size) {
        expect(Buffer.from(tree.root()).equals(left.shift()?.root ?? Buffer.of())).toBe(true)
      }
    }
    check()
    for (const { bytes } of rows) {
      tree.add(leafHash(bytes))
      check()
    }
    expect(left).toEqual([])
    for (const [at, newer] of checkpoints.entries()) {
      const older = checkpoints[at - 1]
      if (older) await demandConsistent(older, newer)
    }
  })

  test('metrics say that nothing waits any more', async () => {
    const read = async (): Promise<string> => (await fetch(`${hub.url}/metrics`)).text()
    let metrics = await read()
    for (; !/^shuqiao_audit_unsealed_entries 0$/m.test(metrics); metrics = await read()) {
      await sleep(200)
    }
    expect(metrics).toMatch(/^shuqiao_audit_checkpoint_size [1-9]\d{3}$/m)
    expect(metrics).toMatch(/^shuqiao_audit_seal_waiting_seconds 0$/m)
    const ready = (await (await fetch(`${hub.url}/readyz`)).json()) as { warnings: string[] }
    expect(ready.warnings).toEqual([])
  })

  test('no answer with personal data leaves while the log takes no entry', async () => {
    const owner = await connectClient({ url: own.urls.owner, purpose: 'general' })
    const read = async (): Promise<[number, boolean]> => {
      const answer = await ask('SEAL', { key: 'c1' })
      return [answer.status, (await answer.text()).includes('某人')]
    }
    await owner.query('revoke insert on audit.entries from shuqiao_app')
    expect(await read()).toEqual([503, false])
    await owner.query('grant insert on audit.entries to shuqiao_app')
    expect(await read()).toEqual([200, true])
    await owner.end()
  })
})
