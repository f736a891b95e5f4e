import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWorld, freshResource, type World } from '../sharing/support.ts'

/** 三员: the system administrator, the security administrator and the auditor of GB/T 22239. */
const administrators = ['system-admin', 'security-admin', 'auditor'] as const

let world: World
let runId: string
const tokens = new Map<string, string>()

beforeAll(async () => {
  world = await buildWorld()
  await freshResource(world)('seen')
  const refused = await world.hub.call('POST', '/v1/resources/seen/batches', {
    token: world.machine,
    body: [{ personId: 'r1', height: 'SECRET-HEIGHT' }],
  })
  runId = refused.json().runId
  for (const role of administrators) {
    // One with a department, for which the roles must give nothing either.
    tokens.set(role, await world.hub.makeStaff(`${role}-1`, [role]))
    tokens.set(`${role} of police`, await world.hub.makeStaff(`${role}-2`, [role], 'police'))
  }
})
afterAll(() => world.hub.close())

type Attempt = ['GET' | 'POST' | 'PUT', () => string, object?]
const batch = [{ personId: 'p9' }]
const records: Record<string, Attempt> = {
  'read a record': ['POST', () => '/resources/seen/records/read', { key: 'p1' }],
  'read a record by GET': ['GET', () => '/resources/seen/records/p1'],
  'list records': ['POST', () => '/resources/seen/records/list', { where: {} }],
  'list records by GET': ['GET', () => '/resources/seen/records?division=A'],
  'query records': ['POST', () => '/resources/seen/records/query', { keys: ['p1'] }],
  'verify claims': [
    'POST',
    () => '/resources/seen/verify',
    { key: 'p1', claims: { name: '张三' } },
  ],
  'follow changes': ['GET', () => '/resources/seen/changes'],
  'see what is allowed': ['GET', () => '/allowed'],
  'read rejects': ['GET', () => `/runs/${runId}/rejects`],
  'replay rejects': ['POST', () => `/runs/${runId}/replay`, {}],
  'read a run': ['GET', () => `/runs/${runId}`],
  'push rows': ['POST', () => '/resources/seen/batches', batch],
  'begin a load': ['POST', () => '/resources/seen/runs', { mode: 'upsert' }],
}

describe.each(['in setup mode', 'after it'])('%s none of the three', (when) => {
  beforeAll(async () => {
    if (when === 'after it') await world.call(world.hub.adminToken, 'POST', '/setup/complete')
  })

  test.each(Object.entries(records))('can %s', async (_what, [method, path, body]) => {
    for (const [who, token] of tokens) {
      const answer = await world.call(token, method, path(), body)
      expect([who, [403, 404].includes(answer.statusCode)]).toEqual([who, true])
      expect([who, answer.json().code]).toEqual([
        who,
        expect.stringMatching(/^(role-missing|not-found)$/),
      ])
      // The day, not the year alone: four digits may stand by chance in the problem's id.
      expect(answer.body).not.toMatch(/SECRET|1990-01|Np1/)
    }
  })

  test('takes a step of anybody’s business', async () => {
    for (const [who, token] of tokens) {
      const draft = await world.call(token, 'POST', '/resources/seen/transitions', {
        action: 'withdraw',
        comment: '停用',
      })
      const grants = await world.call(token, 'GET', '/grants')
      expect([who, draft.json().code]).toEqual([who, expect.stringMatching(/role-missing|not-f/)])
      if (!who.startsWith('auditor'))
        expect([who, grants.json().code]).toEqual([who, 'role-missing'])
    }
  })
})

test('nobody of the staff takes records out, whatever their role: systems do, under grants', async () => {
  const roles = ['bureau-admin', 'bureau-reviewer', 'bureau-cataloguer'] as const
  const departmental = ['operator', 'developer', 'share-office-head', 'department-head'] as const
  const staff = [
    ...(await Promise.all(roles.map((role) => world.hub.makeStaff(`staff-${role}`, [role])))),
    ...(await Promise.all(
      departmental.map((role) => world.hub.makeStaff(`staff-${role}`, [role], 'police')),
    )),
  ]
  for (const token of staff) {
    const body = { key: 'p1' }
    const answer = await world.call(token, 'POST', '/resources/seen/records/read', body)
    expect(answer.json().code).toBe('role-missing')
  }
})
